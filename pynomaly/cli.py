"""The command `pynomaly`: serve, manage accounts, verify the audit. Parses, calls, exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from pynomaly.domain.permissions import Role
    from pynomaly.security.administration import AccountChange

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
UserName = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]
_DEFAULT_DATA_DIR = Path("pynomaly-data")
_ROLES = "operator (runs the service), admin (of a tenant), data_scientist, analyst or viewer."


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
    role: Annotated[str, typer.Option(help=_ROLES)],
    password_stdin: PasswordStdin = False,
    tenant: Annotated[str, typer.Option(help="The tenant it belongs to.")] = "default",
    data_dir: DataDir = _DEFAULT_DATA_DIR,
) -> None:
    """Make an account."""
    from pynomaly.security.foundation import SYSTEM

    with _plain_errors(REFUSED):
        wanted = _role_named(role)
        password = _password(password_stdin)
        auth = _foundations(data_dir).security.auth
        user = auth.create_user(name, password, wanted, by=SYSTEM, tenant_id=tenant)
        typer.echo(f"{user.username} ({user.role}) was made.")


@user_app.command("unlock")
def user_unlock(name: UserName, data_dir: DataDir = _DEFAULT_DATA_DIR) -> None:
    """Let somebody log in again at once, however many wrong passwords came in his name."""
    from pynomaly.security.foundation import SYSTEM

    with _plain_errors(REFUSED):
        _foundations(data_dir).security.auth.unlock_user(name, by=SYSTEM)
        typer.echo(f"{name} may log in now.")


@user_app.command("disable")
def user_disable(name: UserName, data_dir: DataDir = _DEFAULT_DATA_DIR) -> None:
    """Close an account: its sessions and API keys end, and what runs for it."""
    from pynomaly.security.administration import AccountChange

    _change_user(data_dir, name, AccountChange(disabled=True), "was closed.")


@user_app.command("enable")
def user_enable(name: UserName, data_dir: DataDir = _DEFAULT_DATA_DIR) -> None:
    """Open a closed account again; its old sessions and API keys stay ended."""
    from pynomaly.security.administration import AccountChange

    _change_user(data_dir, name, AccountChange(disabled=False), "is open.")


@user_app.command("reset")
def user_reset(
    name: UserName,
    password_stdin: PasswordStdin = False,
    remove_second_factor: Annotated[
        bool, typer.Option("--remove-second-factor", help="For somebody who lost it.")
    ] = False,
    data_dir: DataDir = _DEFAULT_DATA_DIR,
) -> None:
    """Set somebody's password, and let him log in at once; his sessions and API keys end."""
    from pynomaly.security.administration import AccountChange
    from pynomaly.security.foundation import SYSTEM

    with _plain_errors(REFUSED):
        auth = _foundations(data_dir).security.auth
        user = auth.named_user(name, by=SYSTEM)
        change = AccountChange(
            password=_password(password_stdin),
            removes_second_factor=remove_second_factor and user.totp_secret is not None,
        )
        auth.change_user(user.id, change, by=SYSTEM)
        auth.unlock_user(name, by=SYSTEM)
        typer.echo(f"{user.username} has a new password; sessions and API keys have ended.")


@user_app.command("role")
def user_role(
    name: UserName,
    role: Annotated[str, typer.Argument(help=_ROLES)],
    clearance: Annotated[
        str | None, typer.Option(help="PUBLIC to SECRET; the role's own if it is not given.")
    ] = None,
    data_dir: DataDir = _DEFAULT_DATA_DIR,
) -> None:
    """Give an account another role, as the operator's to somebody who shall run the service."""
    from pynomaly.domain.permissions import SecurityLevel
    from pynomaly.security.administration import AccountChange

    if clearance is not None and clearance not in SecurityLevel.__members__:
        _stop(
            USAGE_ERROR, f"there is no level {clearance!r}", f"One of {', '.join(SecurityLevel.__members__)}."
        )
    level = None if clearance is None else SecurityLevel[clearance]
    change = AccountChange(role=_role_named(role), clearance=level)
    _change_user(data_dir, name, change, f"is {role} from now on.")


@audit_app.command("verify")
def audit_verify(
    anchor: Annotated[
        str | None,
        typer.Option(
            metavar="ANCHOR|FILE",
            help="An anchor, or a file with one, that was kept elsewhere: the log must still contain it.",
        ),
    ] = None,
    data_dir: DataDir = _DEFAULT_DATA_DIR,
) -> None:
    """Check the audit log's chain and that it contains its anchors; exit 1 and name the first break if not."""
    with _plain_errors(REFUSED):
        audit = _foundations(data_dir).security.audit
        held = None if anchor is None else audit.read_anchor(_anchor_text(anchor))
        found = audit.verify(anchor=held)
        if found.is_intact:
            typer.echo(f"The audit log is whole: {found.n_events} events.")
            if found.anchored_at is not None:
                typer.echo(f"It contains its anchor, of event {found.anchored_at}.")
            if found.not_known is not None:
                typer.echo(f"Not known: {found.not_known}.")
        else:
            typer.echo(f"The audit log is broken at event {found.first_broken}: {found.reason}", err=True)
            raise typer.Exit(REFUSED)


@audit_app.command("anchor")
def audit_anchor(data_dir: DataDir = _DEFAULT_DATA_DIR) -> None:
    """Print the audit log's anchor, to be kept where nobody who can write to the database can."""
    with _plain_errors(REFUSED):
        typer.echo(_foundations(data_dir).security.audit.anchor())


def main() -> None:
    """Run the command line."""
    app()


def _foundations(data_dir: Path):  # type: ignore[no-untyped-def]  # importing its type would cost --help its speed
    from pynomaly.app import open_foundations
    from pynomaly.settings import read_settings

    return open_foundations(read_settings(os.environ, data_dir=data_dir))


def _change_user(data_dir: Path, name: str, change: AccountChange, done: str) -> None:
    from pynomaly.security.foundation import SYSTEM

    with _plain_errors(REFUSED):
        auth = _foundations(data_dir).security.auth
        user = auth.change_user(auth.named_user(name, by=SYSTEM).id, change, by=SYSTEM)
        typer.echo(f"{user.username} {done}")


def _anchor_text(given: str) -> str:
    if given.startswith("pynomaly-audit-anchor:"):
        return given
    return Path(given).read_text(encoding="ascii", errors="replace")


def _role_named(name: str) -> Role:
    from pynomaly.domain.permissions import Role

    if name not in set(Role):
        _stop(USAGE_ERROR, f"there is no role {name!r}", f"One of {', '.join(Role)}.")
    return Role(name)


def _password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else _asked_password()


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
