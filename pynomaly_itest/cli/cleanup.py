"""`pynomaly-itest cleanup RUN`: remove what a killed run left on a target that is not ours to throw away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pynomaly_itest.events import ResourceCreated
    from pynomaly_itest.target.base import Target

_GONE = (404, 410)


def cleanup(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")] = Path("reports/latest"),
    user: Annotated[
        str | None, typer.Option(help="Log in as; the password comes from $PYNOMALY_ITEST_PASSWORD.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
) -> None:
    """Remove what a run created and did not remove; exit 1 where something stays."""
    import asyncio

    from pynomaly_itest.cli.targets import credentials_from
    from pynomaly_itest.errors import ExitCode
    from pynomaly_itest.events import read_log
    from pynomaly_itest.history.latest import run_folder
    from pynomaly_itest.plain import printable
    from pynomaly_itest.redaction import Redactor
    from pynomaly_itest.results import fold
    from pynomaly_itest.target.remote import RemoteTarget

    result = fold(read_log(run_folder(run) / "run.jsonl"))
    left = [entry for scenario in result.scenarios for entry in scenario.left.values()]
    if result.target.kind != "url":
        typer.echo("that run's platform was its own, and is gone with all that was in it")
        return
    if not left:
        typer.echo("that run left nothing behind")
        return
    if dry_run:
        for entry in left:
            typer.echo(printable(f"would remove {entry.kind} {entry.id} (DELETE {entry.path})"))
        return
    target = RemoteTarget(result.target.url, credentials_from(user or _user_of(run), os.environ), Redactor())
    problems = asyncio.run(_remove(target, list(reversed(left))))
    for line in problems:
        typer.echo(printable(line), err=True)
    typer.echo(f"removed {len(left) - len(problems)} of {len(left)}")
    if problems:
        raise typer.Exit(ExitCode.FAILED)


def _user_of(run: Path) -> str | None:
    """The account that the run itself used, if a password for it is at hand."""
    from pynomaly_itest.cli.invocation import started_of
    from pynomaly_itest.history.latest import run_folder

    words = started_of(run_folder(run)).arguments
    if "--user" not in words or not os.environ.get("PYNOMALY_ITEST_PASSWORD"):
        return None
    return words[words.index("--user") + 1]


async def _remove(target: Target, left: list[ResourceCreated]) -> list[str]:
    """What could not be removed, newest first, as sentences; what is gone already counts as removed."""
    from pynomaly_itest.errors import ItestError
    from pynomaly_itest.target.http import Http
    from pynomaly_itest.target.platform import PlatformApi

    problems = []
    await target.start()
    async with target.client(timeout_s=30.0) as client:
        api = PlatformApi(Http(client, target.redactor, "cleanup"), target.credentials, target.redactor)
        for entry in left:
            try:
                await api.send("DELETE", entry.path)
                looked = await api.send("GET", entry.path)
            except ItestError as problem:
                problems.append(f"{entry.kind} {entry.id}: {problem.message}")
                continue
            if looked.status not in _GONE:
                problems.append(f"{entry.kind} {entry.id}: still there (GET answered {looked.status})")
    return problems
