"""Bounds of quantiles, and how many samples certify one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pynomaly_itest.measure.quantiles import quantile, rank_bounds, samples_needed
from pynomaly_itest.measure.samples import Samples


@pytest.mark.parametrize(("p", "n"), [(0.9, 44), (0.95, 90), (0.99, 459)])
def test_mlperfs_table(p: float, n: int) -> None:
    assert samples_needed(p, 0.99) == n
    assert rank_bounds(n, p, 0.99).high == n
    assert rank_bounds(n - 1, p, 0.99).high is None


@given(st.sampled_from([0.9, 0.95, 0.99]), st.integers(0, 20))
def test_samples_needed_is_the_least(p: float, over: int) -> None:
    n = samples_needed(p, 0.99, over)
    assert binom.cdf(over, n, 1 - p) <= 0.01 < binom.cdf(over, n - 1, 1 - p)


@pytest.mark.parametrize(("p", "confidence"), [(0.0, 0.9), (1.0, 0.9), (0.5, 1.0)])
def test_nonsense_is_refused(p: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        samples_needed(p, confidence)


@given(
    st.integers(1, 3000),
    st.sampled_from([0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999]),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_ranks_hold_the_quantile_with_the_confidence_they_state(n: int, p: float, confidence: float) -> None:
    ranks = rank_bounds(n, p, confidence)
    too_low = 0.0 if ranks.high is None else 1 - binom.cdf(ranks.high - 1, n, p)
    too_high = 0.0 if ranks.low is None else binom.cdf(ranks.low - 1, n, p)
    assert too_low + too_high <= 1 - confidence + 1e-9
    assert ranks.low is None or 1 <= ranks.low <= n
    assert ranks.high is None or 1 <= ranks.high <= n


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=400), st.sampled_from([0.5, 0.9, 0.95]))
def test_value_as_numpys_and_between_its_bounds(values: list[float], p: float) -> None:
    estimate = quantile(Samples.of("x", values, "ms"), p)
    assert estimate.value == pytest.approx(np.quantile(values, p))
    assert estimate.low is None or estimate.low <= estimate.value * (1 + 1e-12)
    assert estimate.high is None or estimate.high >= estimate.value * (1 - 1e-12)


def test_correlated_samples_are_worth_less() -> None:
    values = np.random.default_rng(3).normal(10, 1, 2000)
    independent = quantile(Samples.of("x", values, "ms"), 0.9)
    in_steps = quantile(Samples.of("x", np.repeat(values[:40], 50), "ms"), 0.9)
    assert independent.n_effective is not None
    assert independent.n_effective > 1500
    assert in_steps.n_effective is not None
    assert in_steps.n_effective < 50


def test_nan_among_the_values_is_no_number() -> None:
    estimate = quantile(Samples.of("x", [1.0, float("nan"), 3.0], "ms"), 0.5)
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (None, None)


def test_infinite_waits_show() -> None:
    estimate = quantile(Samples.of("x", [1.0] * 80 + [float("inf")] * 20, "ms"), 0.9)
    assert estimate.value == float("inf")


def test_a_quantile_lies_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(Samples.of("x", [1.0], "ms"), 1.0)
