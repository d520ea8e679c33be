"""The sentence that says why a run has its verdict: the first thing that a reader wants to know."""

from __future__ import annotations

from pynomaly_itest.errors import ExitCode
from pynomaly_itest.events import GateJudged, Verdict
from pynomaly_itest.report.numbers import pair
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.results import RunResult


def explain(run: RunResult) -> str:
    """One or two plain sentences, of the verdict and of nothing else."""
    if run.interrupted is not None:
        return f"Interrupted ({one_line(run.interrupted, 120)}): {_how_far(run)}"
    if run.aborted is not None:
        return f"The run was given up: {one_line(run.aborted.message).rstrip('.')}."
    if not run.finished:
        return f"The run was killed before its end: {_how_far(run)}"
    match run.verdict:
        case Verdict.FAILED:
            return f"{_share(run, Verdict.FAILED)} failed.{_first_broken_gate(run)}"
        case Verdict.ERROR:
            return f"{_share(run, Verdict.ERROR)} could not be measured, so nothing is shown for the release."
        case Verdict.INCONCLUSIVE:
            return _explain_inconclusive(run)
        case _:
            return _explain_passed(run)


def _how_far(run: RunResult) -> str:
    ended = sum(scenario.finished for scenario in run.scenarios)
    failed = _count(run, Verdict.FAILED)
    tail = f", and {_plural(failed, 'scenario')} had failed by then" if failed else ""
    return f"{ended} of {_plural(len(run.scenarios), 'scenario')} had ended{tail}."


def _count(run: RunResult, verdict: Verdict) -> int:
    return sum(scenario.verdict is verdict for scenario in run.scenarios)


def _share(run: RunResult, verdict: Verdict) -> str:
    return f"{_count(run, verdict)} of {_plural(len(run.scenarios), 'scenario')}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _first_broken_gate(run: RunResult) -> str:
    broken = [g for scenario in run.scenarios for g in scenario.gates if g.verdict is Verdict.FAILED]
    if not broken:
        return ""
    return " " + _in_words(broken[0])


def _in_words(gate: GateJudged) -> str:
    expression = one_line(gate.expression, 120)
    if gate.observed is None or gate.limit is None:
        return f"The first broken gate: {expression}."
    shown = pair(gate.observed, gate.limit, gate.unit)
    return f"The first broken gate: {expression}; observed {shown.observed}, limit {shown.limit}."


def _explain_inconclusive(run: RunResult) -> str:
    judged = [s for s in run.scenarios if s.verdict is not Verdict.SKIPPED]
    if not judged:
        return f"Nothing was judged: {_all_skipped(len(run.scenarios))}"
    text = f"No gate failed, but {_share(run, Verdict.INCONCLUSIVE)} gave too little evidence to judge."
    if run.exit_code is ExitCode.PASSED:
        text += " It was let through by --inconclusive=pass."
    return text


def _all_skipped(count: int) -> str:
    if count == 0:
        return "the plan was empty."
    return "the only scenario was skipped." if count == 1 else f"all {count} scenarios were skipped."


def _explain_passed(run: RunResult) -> str:
    passed, skipped = _count(run, Verdict.PASSED), _count(run, Verdict.SKIPPED)
    held = sum(g.verdict is Verdict.PASSED for scenario in run.scenarios for g in scenario.gates)
    text = "The scenario that ran passed" if passed == 1 else f"All {passed} scenarios that ran passed"
    if held:
        text += f"; {_plural(held, 'gate')} held"
    if skipped:
        text += f". {_plural(skipped, 'scenario')} {'was' if skipped == 1 else 'were'} skipped"
    return text + "."
