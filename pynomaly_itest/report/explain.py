"""The sentence that says why a run has its verdict: the first thing that a reader wants to know."""

from __future__ import annotations

from pynomaly_itest.errors import ExitCode
from pynomaly_itest.report.attention import Concern, concerns
from pynomaly_itest.report.document import GateDocument, RunDocument
from pynomaly_itest.report.gates import observed_text
from pynomaly_itest.report.numbers import pair
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.verdicts import Verdict


def explain(run: RunDocument) -> str:
    """A few plain sentences about the verdict and what was not looked at; the run's own `why` is not read."""
    told = f" {run.checks.told}." if run.checks.told else ""
    return f"{_of_verdict(run)}{told}"


def _of_verdict(run: RunDocument) -> str:
    if run.interrupted is not None:
        return f"Interrupted ({one_line(run.interrupted, 120)}): {_how_far(run)}"
    if run.aborted is not None:
        return f"The run was given up: {one_line(run.aborted.message).rstrip('.')}."
    if not run.complete:
        return f"The run was killed before its end: {_how_far(run)}"
    match run.verdict:
        case Verdict.FAILED:
            return _sentence(f"{_share(run, Verdict.FAILED)} failed. {_worst(run, Verdict.FAILED)}")
        case Verdict.ERROR:
            share = _share(run, Verdict.ERROR)
            worst = _worst(run, Verdict.ERROR)
            return _sentence(f"{share} could not be measured: that is no evidence of a pass. {worst}")
        case Verdict.INCONCLUSIVE:
            return _explain_inconclusive(run)
        case _:
            return _explain_passed(run)


def _how_far(run: RunDocument) -> str:
    ended = sum(scenario.finished for scenario in run.scenarios)
    failed = run.counts[Verdict.FAILED]
    tail = f", and {_plural(failed, 'scenario')} had failed by then" if failed else ""
    return f"{ended} of {_plural(len(run.scenarios), 'scenario')} had ended{tail}."


def _share(run: RunDocument, verdict: Verdict) -> str:
    if len(run.scenarios) == 1:
        return "the only scenario"
    return f"{run.counts[verdict]} of {len(run.scenarios)} scenarios"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".rstrip()


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _worst(run: RunDocument, verdict: Verdict) -> str:
    """The first of what needs attention, so that this sentence and the list below it begin alike."""
    worst = next((concern for concern in concerns(run) if concern.verdict is verdict), None)
    return "" if worst is None else f"First of all: {_in_words(worst)}."


def _in_words(concern: Concern) -> str:
    if concern.gate is not None:
        words = _gate_in_words(concern.gate)
        step = concern.within
        return words if step is None else f"step {one_line(step.title or step.kind, 120)}: {words}"
    headline = one_line(concern.headline, 120)
    reason = one_line(concern.reason or "", 160).rstrip(".")
    if concern.step is not None:
        headline = f"step {headline}"
    return f"{headline}: {reason}" if reason else headline


def _gate_in_words(gate: GateDocument) -> str:
    expression = one_line(gate.expression, 120)
    if gate.observed is None or gate.limit is None:
        reason = one_line(gate.reason or "", 160).rstrip(".")
        return f"{expression}: {reason}" if reason else expression
    shown = pair(gate.observed, gate.limit, gate.unit)
    return f"{expression}, observed {observed_text(gate, shown.observed)} against a limit of {shown.limit}"


def _explain_inconclusive(run: RunDocument) -> str:
    if all(scenario.verdict is Verdict.SKIPPED for scenario in run.scenarios):
        return f"Nothing was judged: {_all_skipped(len(run.scenarios))}"
    text = f"No gate failed, but {_share(run, Verdict.INCONCLUSIVE)} gave too little evidence to judge."
    if run.exit_code == ExitCode.PASSED:
        text += " It was let through by --inconclusive=pass."
    return text


def _all_skipped(count: int) -> str:
    if count == 0:
        return "the plan was empty."
    return "the only scenario was skipped." if count == 1 else f"all {count} scenarios were skipped."


def _explain_passed(run: RunDocument) -> str:
    passed, skipped = run.counts[Verdict.PASSED], run.counts[Verdict.SKIPPED]
    held = sum(g.verdict is Verdict.PASSED for scenario in run.scenarios for g in scenario.gates)
    text = "The scenario that ran passed" if passed == 1 else f"All {passed} scenarios that ran passed"
    if held:
        text += f"; {_plural(held, 'gate')} held"
    if skipped:
        text += f". {_plural(skipped, 'scenario')} {'was' if skipped == 1 else 'were'} skipped"
    return text + "."
