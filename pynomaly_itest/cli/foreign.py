"""A run's folder is data from a stranger unless this user wrote it: what it names is used only then, or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pynomaly_itest.events import RunStarted

_LOG = "run.jsonl"

Trust = Annotated[
    bool,
    typer.Option("--trust", help="Use what the folder names (target, profile, Python), whoever wrote it."),
]
HandProfiles = Annotated[
    list[str] | None,
    typer.Option("--profile", "-p", help="Run this profile, not the one that the folder names; repeatable."),
]
HandTarget = Annotated[
    str | None, typer.Option("--target", help="Use this target, not the one that the folder names.")
]
HandUser = Annotated[
    str | None, typer.Option(help="Log in as; the password comes from $PYNOMALY_ITEST_PASSWORD.")
]


def require_own(folder: Path, *, trust: bool, mend: str) -> RunStarted:
    """What a run of this user's was started with; raises UsageError for another's, unless it is trusted.

    `mend` says what to do instead.
    """
    from pynomaly_itest.cli.invocation import started_of
    from pynomaly_itest.errors import UsageError
    from pynomaly_itest.provenance import why_foreign

    started = started_of(folder)
    why = None if trust else why_foreign(folder / _LOG)
    if why is not None:
        raise UsageError(
            f"{folder} may be somebody else's: {why}; it names {_named(started)}, which is not used",
            hint=mend,
        )
    return started


def words_again(
    folder: Path,
    *,
    trust: bool,
    profiles: Sequence[str] | None,
    target: str | None,
    user: str | None,
    scenarios: Iterable[str] | None = None,
    more: Sequence[str] = (),
) -> list[str]:
    """The words after `pynomaly-itest` that run it again: the folder's own, or those said by hand.

    Of a folder that is not this user's, nothing is taken but the names of scenarios and the seed. Another target than
    the run's does not get its account: credentials are for the origin that they were given for.
    """
    from pynomaly_itest.cli.invocation import again, started_of, without_flags
    from pynomaly_itest.provenance import why_foreign

    by_hand = bool(profiles) and target is not None
    if by_hand and not trust and why_foreign(folder / _LOG) is not None:
        started = started_of(folder)
        words = ["run", "--seed", str(started.seed)]
        words += [word for scenario in scenarios or () for word in ("--scenario", scenario)]
    else:
        started = require_own(
            folder,
            trust=trust,
            mend="look at it, then --trust; or say what to run: -p PROFILE --target TARGET",
        )
        words = again(started, scenarios)
        words = without_flags(words, {"--profile"} if profiles else set())
        words = without_flags(words, {"--target", "--user"} if target is not None else set())
        words = without_flags(words, {"--user"} if user is not None else set())
    said = [word for profile in profiles or () for word in ("--profile", profile)]
    said += [] if target is None else ["--target", target]
    said += [] if user is None else ["--user", user]
    return [*words, *said, *more]


def _named(started: RunStarted) -> str:
    """The target and the profile that the log names, for the reader to look at."""
    from pynomaly_itest.plain import printable

    return printable(
        f"the target {started.target.url or started.target.kind} and the profile {started.profile}"
    )[:300]
