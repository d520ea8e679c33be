"""The command `pynomaly`: serve, manage accounts, verify the audit. Parses, calls, exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

USAGE_ERROR, CANT_START, REFUSED = 2, 3, 1

app = typer.Typer(
    help="An anomaly-detection service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(audit_app, name="audit")

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="PYNOMALY_DATA_DIR", help="Where everything is kept; made if absent."),
]
_DEFAULT_DATA_DIR = Path("pynomaly-data")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 is any free one.")] = 8000,
    data_dir: DataDir = _DEFAULT_DATA_DIR,
    port_file: Annotated[Path | None, typer.Option(help="Write the port here once it listens.")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    from pynomaly.logs import log_to_stderr
    from pynomaly.memory import keep_small
    from pynomaly.server import PortTaken, bind
    from pynomaly.server import serve as serve_app
    from pynomaly.settings import read_settings

    with _plain_errors(CANT_START):
        keep_small()
        settings = read_settings(os.environ, data_dir=data_dir)
        log_to_stderr(settings.log_level)
        try:
            listener = bind(host, port)
        except PortTaken as error:
            _stop(CANT_START, str(error), "Choose another --port, or 0 for any free one.")
        from pynomaly.app import bootstrap, create_app

        application = create_app(settings)
        token = bootstrap(settings, application.foundations.security)
        if token is not None:
            print(f"No account yet. One-time token for the first admin: {token}", file=sys.stderr)  # noqa: T201
        serve_app(application, settings, listener, port_file)


@user_app.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help="admin, data_scientist, analyst or viewer.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    tenant: Annotated[str, typer.Option(help="The tenant it belongs to.")] = "default",
    data_dir: DataDir = _DEFAULT_DATA_DIR,
) -> None:
    """Make an account."""
    from pynomaly.domain.permissions import Role
    from pynomaly.security.foundation import SYSTEM

    with _plain_errors(REFUSED):
        if role not in set(Role):
            _stop(USAGE_ERROR, f"there is no role {role!r}", f"One of {', '.join(Role)}.")
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked_password()
        auth = _foundations(data_dir).security.auth
        user = auth.create_user(name, password, Role(role), by=SYSTEM, tenant_id=tenant)
        typer.echo(f"{user.username} ({user.role}) was made.")


@audit_app.command("verify")
def audit_verify(data_dir: DataDir = _DEFAULT_DATA_DIR) -> None:
    """Check the audit log's chain; exit 1 and name the first broken link if it is not whole."""
    with _plain_errors(REFUSED):
        found = _foundations(data_dir).security.audit.verify()
        if found.is_intact:
            typer.echo(f"The audit log is whole: {found.n_events} events.")
        else:
            typer.echo(f"The audit log is broken at event {found.first_broken}: {found.reason}", err=True)
            raise typer.Exit(REFUSED)


def main() -> None:
    """Run the command line."""
    app()


def _foundations(data_dir: Path):  # type: ignore[no-untyped-def]  # importing its type would cost --help its speed
    from pynomaly.app import open_foundations
    from pynomaly.settings import read_settings

    return open_foundations(read_settings(os.environ, data_dir=data_dir))


def _asked_password() -> str:
    first: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return first


@contextmanager
def _plain_errors(exit_code: int) -> Iterator[None]:
    """One line for whatever the platform refuses, instead of a traceback."""
    from pynomaly.domain.errors import Misconfigured, PynomalyError

    try:
        yield
    except PynomalyError as error:
        _stop(USAGE_ERROR if isinstance(error, Misconfigured) else exit_code, error.detail, error.hint)
    except OSError as error:
        _stop(exit_code, f"{error.strerror}: {error.filename}" if error.filename else str(error), None)


def _stop(exit_code: int, message: str, hint: str | None) -> NoReturn:
    typer.echo(f"error: {message}" + (f"\nhint: {hint}" if hint else ""), err=True)
    raise typer.Exit(exit_code)
