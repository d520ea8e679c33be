"""What becomes of a scenario from what became of its parts."""

from __future__ import annotations

import pytest

from pynomaly_itest.errors import CannotMeasure, ItestError, NotApplicable, NotEnoughEvidence, StepFailed
from pynomaly_itest.lifecycle.outcome import PASSED, Outcome, of_error, of_scenario, worst
from pynomaly_itest.verdicts import Verdict

FAILED, ERROR = Outcome(Verdict.FAILED, "f"), Outcome(Verdict.ERROR, "e")
UNSURE, SKIPPED = Outcome(Verdict.INCONCLUSIVE, "i"), Outcome(Verdict.SKIPPED, "s")


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([PASSED, PASSED], PASSED),
        ([PASSED, FAILED, ERROR, UNSURE], FAILED),
        ([PASSED, UNSURE, ERROR], ERROR),
        ([PASSED, UNSURE], UNSURE),
        ([PASSED, SKIPPED], SKIPPED),
        ([SKIPPED, PASSED], SKIPPED),
        ([SKIPPED], SKIPPED),
        ([SKIPPED, FAILED], FAILED),
        ([], Outcome(Verdict.INCONCLUSIVE, "nothing was checked")),
    ],
)
def test_a_scenario_is_as_good_as_its_worst_part_and_half_a_scenario_is_no_pass(
    parts: list[Outcome], whole: Outcome
) -> None:
    assert of_scenario(parts) == whole


def test_findings_that_do_not_apply_leave_the_others_their_verdict() -> None:
    assert worst([PASSED, SKIPPED]) == PASSED
    assert worst([SKIPPED, SKIPPED]) == SKIPPED


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (StepFailed("x"), Verdict.FAILED),
        (CannotMeasure("x"), Verdict.ERROR),
        (NotEnoughEvidence("x", {}), Verdict.INCONCLUSIVE),
        (NotApplicable("x"), Verdict.SKIPPED),
    ],
)
def test_the_targets_fault_and_ours_are_never_mixed_up(error: ItestError, verdict: Verdict) -> None:
    assert of_error(error) == Outcome(verdict, "x")
