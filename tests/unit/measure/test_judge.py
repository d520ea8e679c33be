"""The judge: never a pass without evidence, monotone, and right at the boundary."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.measure import Samples, exact, judge, no_data, proportion, statistic
from pynomaly_itest.measure.estimate import Estimate
from pynomaly_itest.measure.judge import COMPARE
from pynomaly_itest.measure.statistics import STATISTICS
from pynomaly_itest.results import Verdict

PASSED, FAILED, INCONCLUSIVE = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE
operators = st.sampled_from(sorted(COMPARE))
numbers = st.floats(-1e6, 1e6)


def inferred(value: float, half: float, n: int = 1000) -> Estimate:
    return Estimate(value, "ms", n, value - half, value + half, 0.95, "test")


@given(operators, numbers)
def test_no_data_is_never_a_pass(op: str, limit: float) -> None:
    assert judge(None, op, limit).verdict is INCONCLUSIVE
    assert judge(no_data("ms"), op, limit).verdict is INCONCLUSIVE
    for name in ("p95", "p99.9", *STATISTICS):
        if name == "count":
            continue  # a count of 0 is known: judged by its n, below
        assert judge(statistic(Samples.of("x", [], "ms"), name), op, limit).verdict is INCONCLUSIVE
    assert judge(statistic(Samples.of("x", [], "ms"), "count"), op, limit).verdict is INCONCLUSIVE


@given(operators, numbers, st.integers(1, 50))
def test_nan_is_never_a_pass(op: str, limit: float, n: int) -> None:
    assert judge(exact(math.nan, "ms", n), op, limit).verdict is INCONCLUSIVE
    assert judge(inferred(math.nan, 1.0, n), op, limit).verdict is INCONCLUSIVE
    assert judge(exact(1.0, "ms", n), op, math.nan).verdict is INCONCLUSIVE


@given(operators, numbers, numbers)
def test_exact_values_are_compared_as_they_are(op: str, value: float, limit: float) -> None:
    expected = PASSED if COMPARE[op](value, limit) else FAILED
    assert judge(exact(value), op, limit).verdict is expected


@given(numbers, st.floats(0, 100), numbers, st.floats(0, 1e3))
def test_monotone_in_the_observed_value(value: float, half: float, limit: float, worse_by: float) -> None:
    order = [PASSED, INCONCLUSIVE, FAILED]
    for op, sign in (("<=", 1), ("<", 1), (">=", -1), (">", -1)):
        better = judge(inferred(value, half), op, limit).verdict
        worse = judge(inferred(value + sign * worse_by, half), op, limit).verdict
        assert order.index(worse) >= order.index(better)


@given(numbers, st.floats(0, 100), numbers)
def test_a_pass_has_its_whole_interval_on_the_right_side(value: float, half: float, limit: float) -> None:
    estimate = inferred(value, half)
    assert estimate.low is not None
    assert estimate.high is not None
    verdict = judge(estimate, "<=", limit).verdict
    assert (verdict is PASSED) == (estimate.high <= limit)
    assert (verdict is FAILED) == (estimate.low > limit)


@pytest.mark.parametrize(
    ("op", "limit", "verdict"),
    [
        ("<=", 12.0, PASSED),
        ("<", 12.0, INCONCLUSIVE),
        ("<=", 11.999, INCONCLUSIVE),
        ("<=", 8.0, INCONCLUSIVE),
        ("<", 8.0, FAILED),
        ("<=", 7.999, FAILED),
        (">=", 8.0, PASSED),
        (">", 8.0, INCONCLUSIVE),
        (">=", 12.0, INCONCLUSIVE),
        (">", 12.0, FAILED),
    ],
)
def test_at_the_boundaries_of_the_interval(op: str, limit: float, verdict: Verdict) -> None:
    assert judge(inferred(10.0, 2.0), op, limit).verdict is verdict


@pytest.mark.parametrize(
    ("n", "p"), [(89, "p95"), (43, "p90"), (458, "p99"), (1, "p95"), (1, "p50"), (6, "p50")]
)
@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99])
def test_too_few_samples_never_certify_a_quantile(n: int, p: str, confidence: float) -> None:
    values = np.random.default_rng(0).uniform(1, 2, n)
    estimate = statistic(Samples.of("latency_ms", values, "ms"), p, confidence=confidence)
    judgement = judge(estimate, "<=", 1e9)
    assert judgement.verdict is INCONCLUSIVE
    assert judgement.samples_to_settle is not None
    assert judgement.samples_to_settle > n


@pytest.mark.parametrize(
    ("n", "p", "confidence"),
    [
        (105, "p95", 0.95),  # events that chance puts side by side are paid for
        (44, "p90", 0.95),
        (459, "p99", 0.95),
        (7, "p50", 0.95),
        (7, "p50", 0.99),
        (150, "p95", 0.99),  # where the table's 90 just do, an interval also pays for what they may remember
        (60, "p90", 0.99),
        (870, "p99", 0.99),
    ],
)
def test_enough_samples_within_the_limit_certify_it(n: int, p: str, confidence: float) -> None:
    values = np.random.default_rng(0).uniform(1, 2, n)
    estimate = statistic(Samples.of("latency_ms", values, "ms"), p, confidence=confidence)
    assert judge(estimate, "<=", 2.0).verdict is PASSED
    if n > 7 or confidence < 0.99:  # 7 values hold a median from one side with 99 %, not from both
        assert judge(estimate, "<=", 0.5).verdict is FAILED


def test_asking_for_more_than_the_interval_holds_is_inconclusive() -> None:
    judgement = judge(inferred(10, 1), "<=", 100, confidence=0.99)
    assert judgement.verdict is INCONCLUSIVE
    assert "99 % is asked for" in judgement.reason
    assert judge(inferred(10, 1), "<=", 100, confidence=0.9).verdict is PASSED


def test_min_samples() -> None:
    judgement = judge(inferred(10, 1, n=9), "<=", 100, min_samples=10)
    assert judgement.verdict is INCONCLUSIVE
    assert judgement.samples_to_settle == 10
    assert judge(inferred(10, 1, n=10), "<=", 100, min_samples=10).verdict is PASSED


def test_a_proportion_at_the_end_of_its_range_is_what_was_seen() -> None:
    none, one = proportion(0, 500), proportion(1, 500)
    for op in ("==", "<="):
        assert judge(none, op, 0).verdict is PASSED
        assert judge(one, op, 0).verdict is FAILED
    assert judge(none, "<=", 0.001).verdict is INCONCLUSIVE
    assert judge(none, "<=", 0.01).verdict is PASSED
    assert judge(proportion(0, 0), "==", 0).verdict is INCONCLUSIVE
    assert judge(proportion(500, 500), ">=", 1).verdict is PASSED
    assert judge(proportion(499, 500), ">=", 1).verdict is FAILED


def test_an_interval_without_bounds_says_why() -> None:
    unsteady = Estimate(100.0, "1/s", 50, note="not in a steady state: the last 3 windows differ by 40 %")
    judgement = judge(unsteady, ">=", 10)
    assert judgement.verdict is INCONCLUSIVE
    assert "steady state" in judgement.reason


def test_a_straddling_interval_says_how_many_samples_might_do() -> None:
    judgement = judge(inferred(10.0, 2.0, n=100), "<=", 11.0)
    assert judgement.verdict is INCONCLUSIVE
    assert judgement.samples_to_settle is not None
    assert 400 <= judgement.samples_to_settle <= 500
    assert judge(inferred(10.0, 2.0), "<=", 10.0).samples_to_settle is None


def test_an_unknown_comparison_is_a_bug() -> None:
    with pytest.raises(ValueError, match="unknown comparison"):
        judge(exact(1), "=", 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("0.4 s are too short to see a steady state", "0.4 s are too short"),
        ("", "no interval can be given: too few points"),
    ],
)
def test_what_has_no_interval_says_why(note: str, said: str) -> None:
    told = judge(Estimate(50.0, "1/s", 20, note=note, method="too few points"), ">=", 5, confidence=0.95)
    assert told.verdict is Verdict.INCONCLUSIVE
    assert said in told.reason
    assert "20 samples" in told.reason
