"""The names of statistics, what they are of, and the edges: nothing, one value, no times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pynomaly_itest.measure import Samples, is_statistic, scaling_exponent, slope, statistic, steadiness
from pynomaly_itest.measure.statistics import quantile_of

FIVE = Samples.of("x", [3.0, 1.0, 4.0, 1.0, 5.0], "ms", times_s=[0, 1, 2, 3, 4], duration_s=5)


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("min", 1, "ms"),
        ("max", 5, "ms"),
        ("sum", 14, "ms"),
        ("count", 5, "1"),
        ("first", 3, "ms"),
        ("last", 5, "ms"),
        ("mean", 2.8, "ms"),
        ("median", 3, "ms"),
        ("p50", 3, "ms"),
        ("stddev", float(np.std([3, 1, 4, 1, 5], ddof=1)), "ms"),
        ("rate", 1, "1/s"),
    ],
)
def test_values_and_units(name: str, value: float, unit: str) -> None:
    estimate = statistic(FIVE, name)
    assert estimate.value == pytest.approx(value)
    assert (estimate.unit, estimate.n) == (unit, 5)


@pytest.mark.parametrize(("name", "p"), [("p95", 0.95), ("p99.9", 0.999), ("median", 0.5), ("p5", 0.05)])
def test_names_of_quantiles(name: str, p: float) -> None:
    assert quantile_of(name) == p
    assert is_statistic(name)


@pytest.mark.parametrize("name", ["p0", "p100", "p", "p95.", "P95", "average", ""])
def test_names_that_are_none(name: str) -> None:
    assert not is_statistic(name)
    with pytest.raises(KeyError):
        statistic(FIVE, name)


def test_one_value_has_no_interval() -> None:
    one = Samples.of("x", [3.0], "ms")
    for name in ("mean", "p95", "stddev"):
        estimate = statistic(one, name)
        assert (estimate.low, estimate.high) == (None, None)
        assert not estimate.exact
    assert statistic(one, "max").exact


def test_a_rate_needs_a_duration() -> None:
    with pytest.raises(ValueError, match="no duration"):
        statistic(Samples.of("x", [1.0, 2.0], "ms"), "rate")
    assert math.isnan(statistic(Samples.of("x", [], "ms"), "rate").value)


def test_the_same_samples_always_give_the_same_interval() -> None:
    values = np.random.default_rng(0).exponential(1, 500)
    first = statistic(Samples.of("x", values, "ms"), "mean")
    assert first == statistic(Samples.of("x", values, "ms"), "mean")


def test_means_of_infinite_values_have_no_interval() -> None:
    estimate = statistic(Samples.of("x", [1.0, float("inf")] * 20, "ms"), "mean")
    assert estimate.value == float("inf")
    assert estimate.high is None


def test_slopes_of_next_to_nothing() -> None:
    assert slope(Samples.of("x", [], "mb")).n == 0
    assert math.isnan(slope(Samples.of("x", [1.0, 2.0], "mb")).value)
    assert math.isnan(slope(Samples.of("x", [1.0] * 5, "mb", times_s=[1.0] * 5)).value)
    growing = slope(Samples.of("rss_mb", np.arange(50.0), "mb", times_s=np.arange(50) * 2.0))
    assert growing.value == pytest.approx(0.5)
    assert growing.unit == "mb/s"


def test_exponents_of_nonsense() -> None:
    with pytest.raises(ValueError, match="two series"):
        scaling_exponent(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="positive"):
        scaling_exponent(np.ones(4), np.zeros(4))
    assert math.isnan(scaling_exponent(np.ones(6), np.ones(6)).value)
    assert scaling_exponent(np.empty(0), np.empty(0)).n == 0


@pytest.mark.parametrize(
    ("windows", "steady"),
    [
        ([50, 90, 100, 101, 99], True),
        ([100, 100, 100, 105, 95], True),
        ([100, 100, 100, 111, 99], False),
        ([1, 50, 200], False),
        ([100, 100], False),
        ([0, 0, 0], False),
    ],
)
def test_steadiness(windows: list[float], *, steady: bool) -> None:
    found = steadiness(windows)
    assert found.steady is steady
    assert found.reason
