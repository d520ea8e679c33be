"""`pynomaly-itest rerun RUN [--failed]`: the same again, or only what was not good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pynomaly_itest.cli import foreign


def rerun(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")] = Path("reports/latest"),
    failed: Annotated[
        bool, typer.Option("--failed", help="Only scenarios that failed, or could not be judged.")
    ] = False,
    trust: foreign.Trust = False,
    profile: foreign.HandProfiles = None,
    target: foreign.HandTarget = None,
    user: foreign.HandUser = None,
) -> None:
    """Run a run again with its own flags; its result is a run of its own.

    A folder that this user did not write is not run on its own word: --trust, or -p and --target, say what is.
    """
    from pynomaly_itest.cli.invocation import run_again, without_number
    from pynomaly_itest.errors import NothingSelected
    from pynomaly_itest.events import read_log
    from pynomaly_itest.history.latest import run_folder
    from pynomaly_itest.results import fold
    from pynomaly_itest.verdicts import Verdict

    folder = run_folder(run)
    wanted = None
    if failed:
        result = fold(read_log(folder / "run.jsonl"))
        bad = [
            without_number(scenario.id)
            for scenario in result.scenarios
            if scenario.verdict in (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)
        ]
        if not bad:
            raise NothingSelected("no scenario of that run failed", hint="without --failed it all runs again")
        wanted = list(dict.fromkeys(bad))
    words = foreign.words_again(
        folder, trust=trust, profiles=profile, target=target, user=user, scenarios=wanted
    )
    run_again(context, words)
