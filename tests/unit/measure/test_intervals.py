"""Coverage: an interval that says 95 % holds the truth that often, also where requests are not independent.

Simulated with fixed seeds. A coverage of 94.5 % shows as fewer than 92.3 % in 400 runs once in 50 cases (91.5 %
in 200), so that is the least that is let through; the benchmark does the same with many more runs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from pynomaly_itest.measure import Samples, proportion, slope, statistic
from pynomaly_itest.measure.trends import scaling_exponent

RUNS = 400
LEAST = 0.923
Noise = Callable[[np.random.Generator, int], np.ndarray]


def remembering(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    shocks = rng.normal(size=n + 500) * np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1], [1, -rho], shocks)[500:])


def independent(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.exp(0.5 * rng.normal(size=n))


def correlated(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.exp(0.5 * remembering(rng, n, 0.75))


def bursting(rng: np.random.Generator, n: int) -> np.ndarray:
    """A neighbour that slows a fifth of the time by 60 %, some 25 requests at a time."""
    lengths = rng.geometric(np.tile([1 / 100, 1 / 25], n // 50))
    state = np.repeat(np.tile([False, True], n // 50), lengths)[rng.integers(0, 100) :][:n]
    return np.exp(0.3 * rng.normal(size=n)) * np.where(state, 1.6, 1.0)


def drifting(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.exp(0.3 * rng.normal(size=n) + 0.15 * remembering(rng, n, 0.98))


@pytest.mark.parametrize("noise", [independent, correlated, bursting, drifting])
def test_quantiles_and_means_cover(noise: Noise) -> None:
    rng = np.random.default_rng(11)
    n = 1000  # 8 bursts, 20 memories of the drift: what can't be known is to widen the interval
    long_run = np.concatenate([noise(rng, 20_000) for _ in range(60)])
    truth = {name: np.quantile(long_run, int(name[1:]) / 100) for name in ("p50", "p95", "p99")}
    truth["mean"] = long_run.mean()
    held = dict.fromkeys(truth, 0)
    for _ in range(200):
        samples = Samples.of("latency_ms", noise(rng, n), "ms")
        for name, value in truth.items():
            estimate = statistic(samples, name)
            assert estimate.low is not None
            held[name] += estimate.low <= value <= (np.inf if estimate.high is None else estimate.high)
    assert {name: count / 200 for name, count in held.items() if count / 200 < 0.915} == {}


@pytest.mark.parametrize(("method", "least"), [("clopper-pearson", 0.95), ("wilson", 0.93)])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.93])
def test_proportions_cover(method: str, least: float, share: float) -> None:
    from scipy.stats import binom

    n = 200
    counts = np.arange(n + 1)
    estimates = [proportion(int(count), n, method=method) for count in counts]  # type: ignore[arg-type]
    holds = [e.low <= share <= e.high for e in estimates if e.low is not None and e.high is not None]
    assert float(binom.pmf(counts, n, share)[holds].sum()) >= least


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_slopes_cover(rho: float) -> None:
    rng = np.random.default_rng(5)
    times_s = np.arange(300) * 0.5
    held = 0
    for _ in range(RUNS):
        values = 100 + 0.02 * times_s + remembering(rng, 300, rho)
        estimate = slope(Samples.of("rss_mb", values, "mb", times_s=times_s))
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 0.02 <= estimate.high
    assert held / RUNS >= LEAST


def test_scaling_exponents_cover() -> None:
    rng = np.random.default_rng(6)
    sizes = np.repeat([1000.0, 3000, 10_000, 30_000, 100_000], 3)
    held = 0
    for _ in range(RUNS):
        costs = 0.3 * sizes**1.1 * np.exp(0.1 * rng.normal(size=sizes.size))
        estimate = scaling_exponent(sizes, costs)
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 1.1 <= estimate.high
    assert held / RUNS >= LEAST


@pytest.mark.parametrize("noise", [independent, drifting])
def test_rates_cover(noise: Noise) -> None:
    """Of requests made one after another, 50 a second on average."""
    rng = np.random.default_rng(7)
    mean = np.concatenate([noise(rng, 20_000) for _ in range(60)]).mean()
    held = 0
    for _ in range(200):
        ends_s = np.cumsum(noise(rng, 1000)) / mean / 50
        done = Samples.of("done", np.ones(1000), "1", times_s=ends_s, duration_s=float(ends_s[-1]))
        estimate = statistic(done, "rate")
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 50 <= estimate.high
    assert held / 200 >= 0.91


def test_rates_of_random_arrivals_cover() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        times_s = np.cumsum(rng.exponential(1 / 50, 1000))
        times_s = times_s[times_s < 15]
        estimate = statistic(
            Samples.of("done", np.ones(times_s.size), "1", times_s=times_s, duration_s=15), "rate"
        )
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 50 <= estimate.high
    assert held / 200 >= 0.91


def test_failures_that_come_together_cover() -> None:
    """3 % on average, 11 % while a neighbour is busy."""
    from pynomaly_itest.measure.correlation import inflation

    rng = np.random.default_rng(10)
    held = 0
    for _ in range(RUNS):
        lengths = rng.geometric(np.tile([1 / 100, 1 / 25], 40))
        busy = np.repeat(np.tile([False, True], 40), lengths)[rng.integers(0, 100) :][:1000]
        failed = (rng.random(busy.size) < np.where(busy, 0.11, 0.01)).astype(float)
        effective = failed.size / inflation(failed) if failed.any() else None
        estimate = proportion(int(failed.sum()), failed.size, n_effective=effective)
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 0.03 <= estimate.high
    assert held / RUNS >= LEAST


def test_standard_deviations_cover() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(RUNS):
        estimate = statistic(Samples.of("x", rng.normal(5, 2, 400), "ms"), "stddev")
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 2 <= estimate.high
    assert held / RUNS >= LEAST


@pytest.mark.parametrize("noise", [independent, correlated])
@pytest.mark.parametrize("name", ["p50", "p95", "mean"])
def test_ten_percent_off_the_limit_is_never_judged_wrongly(noise: Noise, name: str) -> None:
    from pynomaly_itest.measure import judge
    from pynomaly_itest.results import Verdict

    rng = np.random.default_rng(9)
    long_run = np.concatenate([noise(rng, 20_000) for _ in range(40)])
    truth = float(
        np.quantile(long_run, 0.95)
        if name == "p95"
        else getattr(np, {"p50": "median"}.get(name, name))(long_run)
    )
    undecided = 0
    for _ in range(100):
        estimate = statistic(Samples.of("latency_ms", noise(rng, 10_000), "ms"), name)
        above = judge(estimate, "<=", truth * 1.1).verdict
        below = judge(estimate, "<=", truth / 1.1).verdict
        assert above is not Verdict.FAILED
        assert below is not Verdict.PASSED
        undecided += (above is Verdict.INCONCLUSIVE) + (below is Verdict.INCONCLUSIVE)
    assert undecided <= 20
