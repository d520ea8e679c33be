"""What a series' memory costs: nothing where there is none, what it must where there is, more where nobody can know."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from pynomaly_itest.measure import Samples, judge_quantile, statistic
from pynomaly_itest.measure.correlation import inflation, inflation_beyond
from pynomaly_itest.measure.histogram import Histogram
from pynomaly_itest.measure.memory import memory_of
from pynomaly_itest.results import Verdict


def remembering(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    """(n,) of unit variance whose correlation fades over `memory` values."""
    rho = np.exp(-1 / memory)
    shocks = rng.normal(size=n + round(8 * memory)) * np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1], [1, -rho], shocks)[round(8 * memory) :])


def mixed(rng: np.random.Generator, n: int, *parts: tuple[float, float]) -> np.ndarray:
    """Parts with a share of the variance and a memory each; the rest is independent."""
    series = np.sqrt(1 - sum(share for share, _ in parts)) * rng.normal(size=n)
    for share, memory in parts:
        series = series + np.sqrt(share) * remembering(rng, n, memory)
    return series


def found(n: int, *parts: tuple[float, float], p: float | None = None, runs: int = 40) -> np.ndarray:
    rng = np.random.default_rng(1)
    memories = [memory_of(mixed(rng, n, *parts)) for _ in range(runs)]
    return np.array([memory.inflation(0.95, p) for memory in memories if memory is not None])


@pytest.mark.parametrize(("n", "at_most"), [(100, 1.5), (1000, 1.3), (10_000, 1.1)])
def test_independent_values_pay_little(n: int, at_most: float) -> None:
    assert np.mean(found(n)) <= at_most


@pytest.mark.parametrize("parts", [((1.0, 3.5),), ((0.2, 50.0),), ((0.5, 3.0), (0.2, 80.0))])
def test_a_long_series_knows_its_memory(parts: tuple[tuple[float, float], ...]) -> None:
    decays = [(share, np.exp(-1 / memory)) for share, memory in parts]
    truth = 1 + 2 * sum(share * decay / (1 - decay) for share, decay in decays)
    assert 0.8 * truth <= np.median(found(20_000, *parts, runs=10)) <= 1.5 * truth


def test_extreme_quantiles_remember_less() -> None:
    mean, median, p95, p99 = (np.mean(found(2000, (0.2, 50), p=p, runs=20)) for p in (None, 0.5, 0.95, 0.99))
    assert mean > median > p95 > p99 > 1


def test_an_indicator_remembers_what_the_theory_says() -> None:
    """Of jointly normal neighbours with correlation r, medians agree as 2/pi * arcsin(r)."""
    rng = np.random.default_rng(2)
    memory = memory_of(remembering(rng, 50_000, 3.0))
    assert memory is not None
    neighbours = float(memory.weights @ memory._correlations(np.ones(1), 0.5)[:, 0])
    assert neighbours == pytest.approx(2 / np.pi * np.arcsin(np.exp(-1 / 3)), abs=0.03)


def test_too_little_says_nothing() -> None:
    assert memory_of(np.arange(19.0)) is None
    assert memory_of(np.ones(100)) is None
    assert inflation(np.ones(100)) == 1.0
    assert memory_of(np.arange(20.0)) is not None


def test_a_higher_confidence_pays_more_for_what_is_not_known() -> None:
    memory = memory_of(mixed(np.random.default_rng(3), 400, (0.2, 50)))
    assert memory is not None
    assert memory.inflation(0.99) > memory.inflation(0.95) > memory.inflation(0.8) >= 1


def test_the_order_decides_and_the_scale_does_not() -> None:
    rng = np.random.default_rng(4)
    values = remembering(rng, 1000, 20)
    assert inflation(np.exp(values)) == pytest.approx(inflation(values), rel=0.5)
    assert inflation(rng.permutation(values)) < 2 < inflation(values)


def test_events_that_cluster_more_than_values_do_speak_for_themselves() -> None:
    """Every 500 requests a stall of 10: what lies beneath it shows no memory at all."""
    rng = np.random.default_rng(5)
    values = rng.uniform(1, 2, 5000)
    stalled = np.arange(5000) % 500 < 10
    values[stalled] += rng.uniform(10, 20, int(stalled.sum()))
    assert inflation_beyond(values, values > 5, 0.98, 5.0) > 4
    assert inflation_beyond(values, rng.permutation(values > 5), 0.98, 5.0) < 2


@pytest.mark.parametrize("parts", [(), ((0.2, 50.0),), ((0.28, 20.0),)])
@pytest.mark.parametrize("p", [0.5, 0.95])
def test_a_limit_at_the_quantile_is_seldom_judged_at_all(
    parts: tuple[tuple[float, float], ...], p: float
) -> None:
    """Whichever verdict falls there is wrong by a hair: at most the 5 % that are allowed, and a point of chance."""
    from scipy.special import ndtri

    rng = np.random.default_rng(6)
    wrong = 0
    for _ in range(400):
        samples = Samples.of("latency_ms", mixed(rng, 1000, *parts), "ms")
        wrong += judge_quantile(samples, p, "<=", float(ndtri(p))).verdict is not Verdict.INCONCLUSIVE
    assert wrong / 400 <= 0.07


@pytest.mark.parametrize("parts", [(), ((0.2, 300.0),)])
def test_windows_cover_as_single_values_do(parts: tuple[tuple[float, float], ...]) -> None:
    """Windows of 200 requests that remember 300."""
    rng = np.random.default_rng(7)
    truth = {"p50": 1.0, "mean": float(np.exp(0.5 * 0.3**2))}
    held = dict.fromkeys(truth, 0)
    for _ in range(150):
        values = np.exp(0.3 * mixed(rng, 64 * 200, *parts))
        windows = [Histogram() for _ in range(64)]
        for window, part in zip(windows, np.split(values, 64), strict=True):
            window.record(part)
        samples = Samples.folded("latency_ms", windows, "ms")
        for name, value in truth.items():
            estimate = statistic(samples, name)
            assert estimate.low is not None
            assert estimate.high is not None
            held[name] += estimate.low <= value <= estimate.high
    assert min(held.values()) / 150 >= 0.91


@pytest.mark.parametrize("n", [20, 21, 200, 1000])
@pytest.mark.parametrize(
    "turn", [(0.0, 1.0), (0.0, 1e-100), (1.0, 1.0 + 1e-15), (0.0, 1e100), (0.0, 1.0, 2.0, 3.0)], ids=str
)
def test_values_that_take_turns_have_a_spectrum_of_one_frequency_and_no_long_memory(
    n: int, turn: tuple[float, ...]
) -> None:
    """Where nothing at all is seen at the other frequencies, logarithms of nothing must not be taken."""
    series = np.resize(turn, n)
    for ranked in (True, False):
        memory = memory_of(series, ranked=ranked)
        assert memory is not None
        assert 1 <= memory.inflation(0.95) < 3
    assert 1 <= inflation(series) < 3
