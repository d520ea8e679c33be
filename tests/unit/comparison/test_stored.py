"""What two recorded figures tell of each other: shares by interval, sizes as they are, times not."""

from __future__ import annotations

from typing import Any

import pytest

from pynomaly_itest.comparison.figures import Figure
from pynomaly_itest.comparison.stored import REFUSED, difference
from pynomaly_itest.verdicts import Verdict


def figure(observed: float, unit: str | None = "1", interval: Any = None, worse: Any = "lower") -> Figure:
    return Figure(
        scenario="s",
        expression="x",
        metric="x",
        unit=unit,
        worse=worse,
        observed=observed,
        interval=interval,
        confidence=0.95,
    )


@pytest.mark.parametrize(
    ("base", "new", "verdict"),
    [
        ((0.90, (0.89, 0.91)), (0.90, (0.89, 0.91)), Verdict.PASSED),
        ((0.90, (0.89, 0.91)), (0.96, (0.95, 0.97)), Verdict.PASSED),
        ((0.90, (0.89, 0.91)), (0.80, (0.79, 0.81)), Verdict.FAILED),
        ((0.90, (0.85, 0.95)), (0.88, (0.83, 0.93)), Verdict.INCONCLUSIVE),
        ((0.90, (None, None)), (0.90, (0.89, 0.91)), Verdict.INCONCLUSIVE),
    ],
)
def test_shares_by_their_intervals(base: Any, new: Any, verdict: Verdict) -> None:
    found = difference(figure(base[0], interval=base[1]), figure(new[0], interval=new[1]))
    assert (found.verdict, found.scale) == (verdict, "absolute")
    assert found.change == pytest.approx(base[0] - new[0])


def test_a_share_that_should_be_low_is_worse_when_it_is_higher() -> None:
    base = figure(0.01, interval=(0.005, 0.015), worse="higher")
    new = figure(0.20, interval=(0.18, 0.22), worse="higher")
    assert difference(base, new).verdict is Verdict.FAILED
    assert difference(new, base).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (100, 100, "passed"),
        (100, 109, "passed"),
        (100, 110, "failed"),
        (100, 50, "passed"),
        (0, 5, "skipped"),
    ],
)
def test_sizes_as_they_are(before: float, after: float, verdict: str) -> None:
    found = difference(figure(before, "mb", worse="higher"), figure(after, "mb", worse="higher"))
    assert found.verdict.value == verdict


@pytest.mark.parametrize("unit", ["ms", "s", "requests/s"])
def test_times_are_shown_and_not_judged(unit: str) -> None:
    found = difference(figure(10, unit, (9, 11), "higher"), figure(100, unit, (90, 110), "higher"))
    assert (found.verdict, found.reason) == (Verdict.SKIPPED, REFUSED)
    assert found.change == pytest.approx(9.0)


@pytest.mark.parametrize(
    ("after", "width", "verdict"),
    [(10.5, 0.1, Verdict.PASSED), (20.0, 0.1, Verdict.FAILED), (13.0, 0.3, Verdict.INCONCLUSIVE)],
)
def test_times_are_judged_where_the_user_insists(after: float, width: float, verdict: Verdict) -> None:
    base = figure(10.0, "ms", (9.0, 11.0), "higher")
    new = figure(after, "ms", (after * (1 - width), after * (1 + width)), "higher")
    found = difference(base, new, allow_stored_latency=True)
    assert found.verdict is verdict
    assert found.low is not None
    assert found.high is not None
    assert found.change is not None
    assert found.low < found.change < found.high


def test_a_rate_that_falls_is_worse() -> None:
    base, new = figure(100.0, "requests/s", (95, 105)), figure(40.0, "requests/s", (38, 42))
    assert difference(base, new, allow_stored_latency=True).verdict is Verdict.FAILED
    assert difference(new, base, allow_stored_latency=True).verdict is Verdict.PASSED


def test_a_time_without_an_interval_is_no_evidence() -> None:
    found = difference(figure(1.0, "s"), figure(1.0, "s"), allow_stored_latency=True)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_another_unit_is_another_figure() -> None:
    assert difference(figure(1, "mb"), figure(1, "bytes")).verdict is Verdict.INCONCLUSIVE
