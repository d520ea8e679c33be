"""Quantiles with distribution-free bounds: how many samples lie below one is binomial.

Order statistics bracket the true quantile (David & Nagaraja, Order Statistics, 7.1); correlated samples count
as fewer. `samples_needed` is MLPerf's early-stopping rule (Reddi et al. 2020): how many certify a limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from pynomaly_itest.measure.clusters import OF_A_QUANTILE
from pynomaly_itest.measure.correlation import inflation_beyond, inflation_of_windows
from pynomaly_itest.measure.estimate import Estimate, no_data
from pynomaly_itest.measure.samples import Samples

CERTAIN_ENOUGH = 0.99
"""A limit on a quantile is never certified with fewer samples than 99 % confidence asks for."""


@dataclass(frozen=True)
class RankBounds:
    """1-based ranks of the order statistics that bracket a quantile; None where n is too small for one."""

    low: int | None
    high: int | None


def quantile(samples: Samples, p: float, *, confidence: float = 0.95) -> Estimate:
    """The p-quantile (0 < p < 1; interpolated as numpy does), with binomial bounds at `confidence`."""
    if not 0 < p < 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {p}")
    n = samples.n
    if n == 0:
        return no_data(samples.unit)
    ordered = _ordered(samples)
    value = _interpolated(ordered, n, p)
    if math.isnan(value):
        return Estimate(value, samples.unit, n, method="not a number")
    effective = max(1.0, n / _inflation_at(samples, value, p, confidence))
    ranks = rank_bounds(n, p, confidence, effective)
    return Estimate(
        value=value,
        unit=samples.unit,
        n=n,
        low=None if ranks.low is None else ordered.at_rank(ranks.low),
        high=None if ranks.high is None else ordered.at_rank(ranks.high),
        confidence=confidence,
        method="order statistics",
        n_effective=effective,
        least_n=samples_needed(max(p, 1 - p), max(confidence, CERTAIN_ENOUGH)),
    )


def observed_quantile(samples: Samples, p: float) -> float:
    """Only the value: for figures that are shown, not judged. NaN of no samples."""
    return _interpolated(_ordered(samples), samples.n, p) if samples.n else float("nan")


def rank_bounds(n: int, p: float, confidence: float, n_effective: float | None = None) -> RankBounds:
    """Ranks (of n) whose values hold the p-quantile between them with at least `confidence`.

    Both tails get half of the error where n allows it. Where only all of the error would give the bound in
    the thin tail, that bound takes what it needs and the other one keeps the rest: so 90 samples bound a p95
    from above at 99 %, and the interval as a whole still holds.
    """
    from scipy.special import bdtr

    size = n if n_effective is None else max(1, min(n, math.floor(n_effective)))
    alpha = 1 - confidence
    above, below = p**size, (1 - p) ** size  # the chance that even the greatest (least) is on the wrong side
    upper = alpha / 2 if above <= alpha / 2 else (above if above <= alpha else 0.0)
    lower = alpha / 2 if below <= alpha / 2 else (below if below <= alpha else 0.0)
    upper, lower = (upper, min(lower, alpha - upper)) if p >= 0.5 else (min(upper, alpha - lower), lower)
    high = low = None
    if upper > 0 and above <= upper:
        k = _least(size, lambda j: 1 - float(bdtr(j - 1, size, p)) <= upper + 1e-15)
        high = math.ceil(k * n / size)
    if lower > 0 and below <= lower:
        k = _least(size, lambda j: float(bdtr(j - 1, size, p)) > lower) - 1
        low = (k - 1) * n // size + 1 if k >= 1 else None
    return RankBounds(low, high)


def samples_needed(p: float, confidence: float = CERTAIN_ENOUGH, over: int = 0) -> int:
    """The least n that certifies "the p-quantile is within the limit" with `over` samples beyond the limit.

    At 99 % and none over: 44 for p90, 90 for p95, 459 for p99.
    """
    if not (0 < p < 1 and 0 < confidence < 1):
        raise ValueError(f"p and confidence lie between 0 and 1, not at {p} and {confidence}")
    error = 1 - confidence
    if over == 0:  # p^n <= error, and no SciPy to wait for
        return max(1, math.ceil(math.log(error) / math.log(p) - 1e-12))
    from scipy.special import bdtr

    def certifies(n: int) -> bool:
        return n > over and float(bdtr(over, n, 1 - p)) <= error

    top = over + 1
    while not certifies(top):
        top *= 2
    return _least(top, certifies)


class _Ordered(Protocol):
    def at_rank(self, rank: int) -> float: ...


class _Sorted:
    """Raw values by rank."""

    def __init__(self, samples: Samples) -> None:
        import numpy as np

        self._values = np.sort(samples.values)

    def at_rank(self, rank: int) -> float:
        return float(self._values[rank - 1])


def _ordered(samples: Samples) -> _Ordered:
    return samples.histogram() if samples.is_folded else _Sorted(samples)


def _interpolated(ordered: _Ordered, n: int, p: float) -> float:
    if math.isnan(ordered.at_rank(n)):  # NaN sorts last
        return float("nan")
    place = (n - 1) * p + 1
    below = ordered.at_rank(math.floor(place))
    above = ordered.at_rank(math.ceil(place))
    share = place - math.floor(place)
    return below if share == 0 or below == above else below + share * (above - below)


def _inflation_at(samples: Samples, value: float, p: float, confidence: float) -> float:
    """Inflation of the series "was it at most the quantile?", the one that the bounds depend on."""
    if samples.is_folded:
        sizes = [window.n for window in samples.windows]
        shares = [window.fraction_at_most(value) if window.n else 0.0 for window in samples.windows]
        return inflation_of_windows(shares, sizes, p * (1 - p), confidence=confidence)
    return inflation_beyond(
        samples.values, samples.values > value, p, value, confidence=confidence, before=OF_A_QUANTILE
    )


class _Holds(Protocol):
    def __call__(self, k: int, /) -> bool: ...


def _least(top: int, holds: _Holds) -> int:
    """The least k in 1..top for which a monotone condition holds; top if none below does."""
    low, high = 1, top
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
