"""`pynomaly-itest cleanup RUN`: remove what a killed run left on a target that is not ours to throw away."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pynomaly_itest.cli import flags, foreign

if TYPE_CHECKING:
    from pynomaly_itest.events import ResourceCreated, RunStarted
    from pynomaly_itest.target.base import Target

_GONE = (404, 410)
_PLAIN_PATH = re.compile(r"[a-z][a-z-]*(/[a-z][a-z-]*)*/[\w.~-]+", re.ASCII)


def cleanup(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")] = Path("reports/latest"),
    user: Annotated[
        str | None, typer.Option(help="Log in as; the password comes from $PYNOMALY_ITEST_PASSWORD.")
    ] = None,
    ca: flags.Ca = None,
    cert: flags.Cert = None,
    key: flags.Key = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    target: foreign.HandTarget = None,
    trust: foreign.Trust = False,
    unmarked: Annotated[
        bool,
        typer.Option("--unmarked", help="Also what does not carry the run's mark (things named by hand)."),
    ] = False,
) -> None:
    """Remove what a run created and did not remove; exit 1 where something stays.

    Removed is only what carries the run's mark on the target: a name that begins with `itest` and the run's id, or
    that in its metadata. The target and the account of a folder that this user did not write are not used.
    """
    import asyncio

    from pynomaly_itest.cli.ci import commands_stopped
    from pynomaly_itest.cli.targets import credentials_from, tls_of
    from pynomaly_itest.errors import ExitCode
    from pynomaly_itest.events import read_log
    from pynomaly_itest.history.latest import LOG, run_folder
    from pynomaly_itest.plain import printable
    from pynomaly_itest.redaction import Redactor
    from pynomaly_itest.results import fold
    from pynomaly_itest.target.remote import RemoteTarget

    folder = run_folder(run)
    result = fold(read_log(folder / LOG))
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
    asked = _Asked.of(folder, target, user, trust=trust, unmarked=unmarked)
    remote = RemoteTarget(asked.url, credentials_from(asked.user, os.environ), Redactor())
    remote.tls = tls_of(ca, cert, key)
    problems = asyncio.run(_remove(remote, list(reversed(left)), asked.mark))
    with commands_stopped():
        for line in problems:
            typer.echo(printable(f"left: {line}"), err=True)
    typer.echo(f"removed {len(left) - len(problems)} of {len(left)}")
    if problems:
        raise typer.Exit(ExitCode.FAILED)


@dataclass(frozen=True)
class _Asked:
    """Where to clean up, as whom, and by which mark a thing is told to be the run's (None: by none)."""

    url: str
    user: str | None
    mark: str | None

    @classmethod
    def of(cls, folder: Path, url: str | None, user: str | None, *, trust: bool, unmarked: bool) -> _Asked:
        """By hand where it is said so; else as the run's log says, if this user wrote it."""
        from pynomaly_itest.cli.invocation import started_of

        if url is None or unmarked:
            started = foreign.require_own(
                folder, trust=trust, mend="say where to clean up: --target URL; or look at it, then --trust"
            )
        else:
            started = started_of(folder)
        account = user if user is not None or url is not None else _user_of(started)
        mark = None if unmarked else started.run_id[:8]
        return cls(url if url is not None else started.target.url, account, mark)


def _user_of(started: RunStarted) -> str | None:
    """The account that the run itself used, if a password for it is at hand."""
    words = started.arguments
    if "--user" not in words or not os.environ.get("PYNOMALY_ITEST_PASSWORD"):
        return None
    return words[words.index("--user") + 1]


async def _remove(target: Target, left: list[ResourceCreated], mark: str | None) -> list[str]:
    """What could not be removed, newest first, as sentences; what is gone already counts as removed."""
    from pynomaly_itest.errors import ItestError
    from pynomaly_itest.target.http import Http
    from pynomaly_itest.target.platform import PlatformApi

    problems = []
    await target.start()
    async with target.client(timeout_s=30.0) as client:
        api = PlatformApi(Http(client, target.redactor, "cleanup"), target.credentials, target.redactor)

        async def look(path: str) -> Any:
            reply = await api.send("GET", path)
            return None if reply.status in _GONE else reply.json()

        for entry in left:
            try:
                problem = await _why_not_ours(entry.path, mark, look)
                if problem is None:
                    await api.send("DELETE", entry.path)
                    looked = await api.send("GET", entry.path)
                    gone = looked.status in _GONE
                    problem = None if gone else f"still there (GET answered {looked.status})"
            except ItestError as error:
                problem = error.message
            if problem is not None:
                problems.append(f"{entry.kind} {entry.id}: {problem}")
    return problems


async def _why_not_ours(path: str, mark: str | None, look: Callable[[str], Awaitable[Any]]) -> str | None:
    """Why the thing at `path` is not removed; None where it carries the mark, or is gone already."""
    if not _PLAIN_PATH.fullmatch(path):
        return "its path is none that the tool makes"
    if mark is None:
        return None
    thing = await look(path)
    if thing is None or _is_marked(thing, mark):
        return None
    if isinstance(thing, dict):  # a result has no name; its detector or its dataset has
        for key, folder in (("detector_id", "detectors"), ("dataset_id", "datasets")):
            above = f"{folder}/{thing.get(key)}"
            if thing.get(key) and _PLAIN_PATH.fullmatch(above) and _is_marked(await look(above), mark):
                return None
    return "it does not carry the run's mark (--unmarked removes it all the same)"


def _is_marked(thing: Any, mark: str) -> bool:
    """Whether a name, or the metadata, says that the run with an id beginning like this made it."""
    if not isinstance(thing, dict) or not mark:
        return False
    metadata = thing.get("metadata")
    said = [
        thing.get("name"),
        thing.get("username"),
        *(metadata.values() if isinstance(metadata, dict) else ()),
    ]
    return any(
        isinstance(each, str) and re.match(rf"itest[ -]{re.escape(mark)}([ -]|$)", each) for each in said
    )
