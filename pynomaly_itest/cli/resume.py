"""`pynomaly-itest resume RUN`: finish a run that was killed or interrupted; what it finished is not run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pynomaly_itest.cli import foreign


def resume(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")] = Path("reports/latest"),
    trust: foreign.Trust = False,
) -> None:
    """Take a run up where it was cut off: a new run, with what was finished carried over.

    The results of a folder that this user did not write are not carried over, unless --trust says so.
    """
    from pynomaly_itest.cli.invocation import again, run_again
    from pynomaly_itest.errors import UsageError
    from pynomaly_itest.eventlog import is_being_written
    from pynomaly_itest.events import read_log
    from pynomaly_itest.history.latest import run_folder
    from pynomaly_itest.results import fold

    folder = run_folder(run)
    started = foreign.require_own(
        folder, trust=trust, mend="look at it, then --trust; its results would be taken for this run's"
    )
    if is_being_written(folder / "run.jsonl"):
        raise UsageError("that run is still going on", hint="resume it when it has ended")
    result = fold(read_log(folder / "run.jsonl"))
    if result.complete:
        raise UsageError(
            "that run came to its own end: there is nothing to resume", hint="`rerun` runs it again"
        )
    left = [entry for scenario in result.scenarios for entry in scenario.left.values()]
    if left and started.target.kind == "url":
        typer.echo(
            f"{len(left)} things of that run may be left on the target: `cleanup {run}` removes them",
            err=True,
        )
    run_again(context, again(started, more=("--resume-from", str(folder))))
