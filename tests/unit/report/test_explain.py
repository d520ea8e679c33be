"""The sentence beside the verdict says the same as the verdict."""

from __future__ import annotations

from report_builders import ABORTED, FINISHED, INTERRUPTED, ended, finding, gate, one, started

from pynomaly_itest.report.describe import describe
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def _why(run: RunResult) -> str:
    return describe(run).why


def test_passed_counts_what_held() -> None:
    assert _why(one(Verdict.PASSED, gate("a"), gate("a"))) == "The scenario that ran passed; 2 gates held."


def test_passed_tells_of_skips() -> None:
    run = fold(
        [started("a", "b"), *ended("a", Verdict.PASSED), *ended("b", Verdict.SKIPPED, "no redis"), FINISHED]
    )
    assert _why(run) == "The scenario that ran passed. 1 scenario was skipped."


def test_failed_names_the_gate_with_its_figures() -> None:
    broken = gate("a", Verdict.FAILED, observed=61.2, limit=50, op="<=", unit="ms")
    assert _why(one(Verdict.FAILED, broken)) == (
        "The only scenario failed. First of all: x <= 50, observed 61.2 ms against a limit of 50 ms."
    )


def test_failed_names_the_finding() -> None:
    assert "JWT-01 An unsigned token is refused" in _why(one(Verdict.FAILED, finding("a", Verdict.FAILED)))


def test_error_says_that_nothing_is_shown() -> None:
    why = _why(one(Verdict.ERROR, reason="the generator could not keep up"))
    assert "could not be measured" in why
    assert "the generator could not keep up" in why


def test_inconclusive_and_let_through() -> None:
    assert "too little evidence" in _why(one(Verdict.INCONCLUSIVE))
    both = [started("a", "b", inconclusive_passes=True)]
    run = fold([*both, *ended("a", Verdict.PASSED), *ended("b", Verdict.INCONCLUSIVE), FINISHED])
    assert "let through by --inconclusive=pass" in _why(run)


def test_nothing_judged_is_never_told_as_a_pass() -> None:
    assert _why(one(Verdict.SKIPPED)) == "Nothing was judged: the only scenario was skipped."
    assert _why(fold([started(), FINISHED])) == "Nothing was judged: the plan was empty."


def test_runs_that_did_not_end_say_how_far_they_came() -> None:
    begun = [started("a", "b"), *ended("a", Verdict.FAILED)]
    assert _why(fold([*begun, INTERRUPTED])) == (
        "Interrupted (SIGINT): 1 of 2 scenarios had ended, and 1 scenario had failed by then."
    )
    assert _why(fold(begun)).startswith("The run was killed before its end: 1 of 2 scenarios")
    assert _why(fold([*begun, ABORTED])).startswith("The run was given up: nothing answers")
