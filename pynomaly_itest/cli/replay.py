"""`pynomaly-itest replay RUN FINDING`: probe one finding again, and say whether it is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_itest.cli import foreign
from pynomaly_itest.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pynomaly_itest.events import FindingRecorded


def replay(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", help="A probe's id, or a fingerprint (its start).")
    ],
    trust: foreign.Trust = False,
    profile: foreign.HandProfiles = None,
    target: foreign.HandTarget = None,
    user: foreign.HandUser = None,
) -> None:
    """Run the probe of a finding again, with the run's own flags, and say: fixed, or still there.

    Exit codes: 0 fixed, 1 still there, 4 it could not be told; as `run` where the target can't be reached.
    """
    from pynomaly_itest.cli.invocation import run_again, without_number
    from pynomaly_itest.events import read_log
    from pynomaly_itest.history.latest import newest_run, run_folder
    from pynomaly_itest.results import fold

    folder = run_folder(run)
    old = chosen(fold(read_log(folder / "run.jsonl")).findings, finding)
    more = ["--probe", old[0].id, "--out", str(folder.parent), "--report", "json"]
    words = foreign.words_again(
        folder,
        trust=trust,
        profiles=profile,
        target=target,
        user=user,
        scenarios=[without_number(old[0].scenario)],
        more=more,
    )
    before = newest_run(folder.parent)
    code = run_again(context, words, exits=False)
    new = newest_run(folder.parent)
    if new is None or new == before or code in (ExitCode.TARGET, ExitCode.BUG, ExitCode.INTERRUPTED):
        raise typer.Exit(code or ExitCode.INCONCLUSIVE)
    outcome = compared(old, fold(read_log(new / "run.jsonl")).findings)
    for line in outcome.lines:
        typer.echo(line)
    raise typer.Exit(outcome.code)


class Outcome:
    """What to say of each finding, and the exit code of all."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.code = ExitCode.PASSED

    def add(self, line: str, code: ExitCode) -> None:
        self.lines.append(line)
        order = (ExitCode.PASSED, ExitCode.INCONCLUSIVE, ExitCode.FAILED)
        self.code = max(self.code, code, key=order.index)


def chosen(findings: Sequence[FindingRecorded], name: str) -> list[FindingRecorded]:
    """The failed findings that `name` means, all of one probe; raises UsageError where there are none."""
    from pynomaly_itest.verdicts import Verdict

    failed = [each for each in findings if each.verdict is Verdict.FAILED]
    meant = [
        each for each in failed if each.id == name or (len(name) >= 6 and each.fingerprint.startswith(name))
    ]
    if not meant:
        known = ", ".join(dict.fromkeys(f"{each.id} {each.fingerprint[:12]}" for each in failed)) or "none"
        raise UsageError(f"that run has no failed finding {name!r}", hint=f"failed findings are: {known}")
    return [each for each in meant if each.id == meant[0].id]


def compared(old: Sequence[FindingRecorded], new: Sequence[FindingRecorded]) -> Outcome:
    """Each old finding against what the probe says now; without a verdict of the probe nothing is fixed."""
    from pynomaly_itest.verdicts import Verdict

    now = [each for each in new if each.id == old[0].id]
    still = {each.fingerprint for each in now if each.verdict is Verdict.FAILED}
    told = bool(now) and all(each.verdict in (Verdict.PASSED, Verdict.FAILED) for each in now)
    reason = next((each.reason for each in now if each.reason), "the probe gave no verdict")
    outcome = Outcome()
    for each in old:
        name = f"{each.id} {each.fingerprint[:12]} {each.where}"
        if each.fingerprint in still:
            outcome.add(f"still there  {name}", ExitCode.FAILED)
        elif told:
            outcome.add(f"fixed        {name}", ExitCode.PASSED)
        else:
            outcome.add(f"not told     {name}: {reason}", ExitCode.INCONCLUSIVE)
    return outcome
