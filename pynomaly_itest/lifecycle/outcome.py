"""What became of a part of a scenario, and of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.errors import ItestError, NotApplicable, NotEnoughEvidence, StepFailed
from pynomaly_itest.results import combine
from pynomaly_itest.verdicts import Verdict


@dataclass(frozen=True)
class Outcome:
    """A verdict, and why where it is no pass."""

    verdict: Verdict
    reason: str | None = None


PASSED = Outcome(Verdict.PASSED)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of the parts together: their combined verdict, and the reason of the first part that has it."""
    if outcomes and all(outcome.verdict is Verdict.SKIPPED for outcome in outcomes):
        return outcomes[0]
    verdict = combine(outcome.verdict for outcome in outcomes)
    return PASSED if verdict is Verdict.PASSED else Outcome(verdict, _reason(outcomes, verdict))


def of_scenario(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a scenario from those of its steps and gates.

    A step that did not apply ends it: it is skipped, however many steps passed before, as the rest of it was
    never looked at.
    """
    found = worst(outcomes)
    skipped = [outcome for outcome in outcomes if outcome.verdict is Verdict.SKIPPED]
    return skipped[0] if found.verdict is Verdict.PASSED and skipped else found


def of_error(error: ItestError) -> Outcome:
    """What an error of a step means for its scenario."""
    match error:
        case StepFailed():
            verdict = Verdict.FAILED
        case NotEnoughEvidence():
            verdict = Verdict.INCONCLUSIVE
        case NotApplicable():
            verdict = Verdict.SKIPPED
        case _:
            verdict = Verdict.ERROR
    return Outcome(verdict, error.message + (f" ({error.hint})" if error.hint else ""))


def _reason(outcomes: Sequence[Outcome], verdict: Verdict) -> str:
    reasons = [outcome.reason for outcome in outcomes if outcome.verdict is verdict and outcome.reason]
    return reasons[0] if reasons else "nothing was checked"
