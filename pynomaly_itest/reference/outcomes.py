"""Pages of what a run can end with: exit codes and verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pynomaly_itest.errors import ExitCode
from pynomaly_itest.reference.page import Page, section
from pynomaly_itest.verdicts import Verdict


class _Outcome(NamedTuple):
    meaning: str
    causes: str
    mend: str


_EXITS = {
    ExitCode.PASSED: _Outcome(
        "every gate passed",
        "Everything that was planned ran, or was skipped with a reason, and every gate held with the confidence asked "
        "for. With `--inconclusive=pass` also a run without enough evidence.",
        "Nothing to mend.",
    ),
    ExitCode.FAILED: _Outcome(
        "a gate failed",
        "The target misbehaved: a limit is broken, a reply is wrong, a probe proved a hole at or above `--fail-on`. Of "
        "`compare`: a regression. Of `doctor`: a run can't go on this machine.",
        "The screen and `report.html` name the scenario, the line of the profile, observed and limit, and the command "
        "that runs it again.",
    ),
    ExitCode.USAGE: _Outcome(
        "wrong usage, or the profile is invalid",
        "A flag, a name, a file or a profile is wrong. Nothing was run, nothing was sent.",
        "Each mistake says where it is and how to mend it; `validate` shows those of a profile without running it.",
    ),
    ExitCode.TARGET: _Outcome(
        "the target could not be reached or started",
        "Nothing answers at the URL, what answers is not the service, the login is refused, or the bundled platform "
        "did not come up. In a loop (`--every`) this is one round's verdict.",
        "Look at the address and the credentials; `doctor` looks at this machine.",
    ),
    ExitCode.INCONCLUSIVE: _Outcome(
        "inconclusive: not enough evidence, or we could not measure",
        "Too few samples for the confidence asked for, an interval on both sides of the limit, a load generator that "
        "could not keep up, a check that could not be made, everything skipped, or a log that could not be written.",
        "Measure longer or on a quieter machine, or move the limit away from what is measured. `--inconclusive=pass` "
        "lets the lack of evidence through, never an error.",
    ),
    ExitCode.NOTHING_SELECTED: _Outcome(
        "nothing was selected",
        "No scenario of the profile fits `-m`, `-k`, `--scenario` or `--probe`.",
        "`list scenarios -p NAME` shows what there is.",
    ),
    ExitCode.BUG: _Outcome(
        "a bug of this tool",
        "Something happened that nobody thought of. It is never the target's fault.",
        "The traceback is in the file that the message names, or in `run.jsonl`; please report it.",
    ),
    ExitCode.INTERRUPTED: _Outcome(
        "interrupted; the partial report is written",
        "Ctrl-C or SIGTERM. What was created has been removed, the reports show how far it came.",
        "`resume RUN` goes on where it was cut off.",
    ),
}

_VERDICTS = {
    Verdict.PASSED: _Outcome(
        "it held, with evidence",
        "Every gate and expectation holds, and enough was measured to say so. No data is never a pass.",
        "",
    ),
    Verdict.FAILED: _Outcome(
        "the target misbehaved",
        "It was measured, and it is not as it must be. Of several parts the worst counts: failed, error, inconclusive, "
        "passed.",
        "`report.html` shows request and reply of the failed step, and the target's log lines.",
    ),
    Verdict.ERROR: _Outcome(
        "we could not measure",
        "Something on our side of the question: a control of a probe did not work, a file is missing, a step was cut "
        "off. Never mixed up with `failed`.",
        "The reason says what was missing.",
    ),
    Verdict.INCONCLUSIVE: _Outcome(
        "not enough evidence",
        "What was measured allows neither yes nor no.",
        "More samples, a longer load, a quieter machine; the reason says how many would do.",
    ),
    Verdict.SKIPPED: _Outcome(
        "a precondition is not there",
        "It carries its reason (`requires redis: no server answers`). It counts for nothing; where all is skipped the "
        "run is inconclusive.",
        "Provide what is missing, or leave it out with `-m`.",
    ),
}


def exit_codes() -> Iterator[Page]:
    """Each exit code."""
    for code in ExitCode:
        what = _EXITS[code]
        yield Page(
            "exit code",
            str(int(code)),
            what.meaning,
            (*section("When", what.causes), *section("What to do", what.mend)),
            also=(f"exit {int(code)}", code.name.lower())
            if code.name.lower() not in set(Verdict)
            else (f"exit {int(code)}",),
        )


def verdicts() -> Iterator[Page]:
    """Each verdict of a gate, a step, a scenario, a run."""
    for verdict in Verdict:
        what = _VERDICTS[verdict]
        yield Page(
            "verdict",
            verdict.value,
            what.meaning,
            (*section("When", what.causes), *section("What to do", what.mend)),
        )
