"""How long a series remembers, and what that makes of its n values: a mean over all that its spectrum leaves open.

Whether a drift is there at all, and how long it lasts, can't be read off a thousand requests: an estimate of it is as
often too small as too large, and a test that finds nothing proves nothing. So no one memory is chosen. Every shape of
a small family (independent values, plus a short and a long exponential memory: Ornstein-Uhlenbeck) is weighed by how
well it explains the periodogram (Whittle 1953), and an interval has to hold under their mixture. Where the series is
long, one shape is left and nothing is paid for the others; where it is short, the interval says so by its width.

The shapes are of the series' normal scores. What a memory of these makes of a mean, or of "is it over the 95th
percentile?", follows from Hermite's polynomials (Mehler's formula): an extreme quantile remembers much less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

FEWEST = 20
"""Values below which a spectrum says nothing."""

_REMEMBERING, _LONG = 0.6, 1000
"""How likely a series of so many values or more has any memory, before anything was seen; of a shorter one it is
less likely by the root, since a long memory that could not be seen anyway would make every interval endless."""
_ONE_MEMORY = 2 / 3
"""How likely that is a single one."""
_INDEPENDENT_EVENTS = 0.1
"""The odds that events are independent, as a share of the odds that measurements are."""
_LONGEST = 0.25
"""The longest memory that is thought of, as a share of the series: what is remembered for longer looks like a level."""
_SHORTEST, _SHORTEST_OF_TWO = 0.7, 1.5
_STEP, _COARSE_STEP = 1.3, 2.0
_SHARES = (0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.14, 0.2, 0.28, 0.38, 0.5, 0.62, 0.75, 0.87, 0.95, 1.0)
_COARSE_SHARES = (0.03, 0.06, 0.12, 0.2, 0.3, 0.45, 0.6, 0.8)
_MOST_OF_A_BIN = 8
"""A bin counts as so many frequencies at most: or high ones, which are many, would choose a shape that fits the low
ones badly, and the variance of a mean is made of these."""
_LEAST_SEEN = 1e-9
"""At every frequency, as a share of what an independent series has there: less is no better known."""
_GRID_IS_COARSE = 1.1
"""The true shape lies between two of the grid: by so much may the nearest one remember less."""
_TERMS = 40
_BIN = 0.05
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class _Family:
    """Shapes of memory for series of one length.

    shares, memories: (shapes, 2) of the variance, and in values. inverse: (shapes, bins), one over the spectrum of unit
    variance, times how many frequencies a bin has; log_sum: (shapes,), of the spectrum's logarithms over all of them.
    prior: (shapes,). edges: (bins + 1,) numbers of the Fourier frequencies at which a bin begins. weights: (bins,).
    """

    shares: FloatArray
    memories: FloatArray
    inverse: FloatArray
    log_sum: FloatArray
    prior: FloatArray
    edges: npt.NDArray[np.intp]
    weights: FloatArray


@dataclass(frozen=True)
class Inflations:
    """What correlation makes of the variance of a mean, over that of independent values: a distribution.

    weights: (k,) that add up to 1. inflations: (k,), at least 1.
    """

    weights: FloatArray
    inflations: FloatArray

    def at(self, confidence: float) -> float:
        """The one with which an interval of `confidence` that is wider by its root holds; at least 1."""
        return _widened(self.weights, self.inflations, confidence)

    def median(self) -> Inflations:
        """The one that is as likely too large as too small."""
        import numpy as np

        order = np.argsort(self.inflations)
        middle = np.searchsorted(np.cumsum(self.weights[order]), 0.5)
        return Inflations(np.ones(1), self.inflations[order][[min(int(middle), order.size - 1)]])

    def binned(self) -> Inflations:
        """The same in few bins: each as inflated as the upper edge of what is in it."""
        import numpy as np

        steps = np.ceil(np.log(np.maximum(self.inflations, 1.0)) / _BIN - 1e-9)
        found, which = np.unique(steps, return_inverse=True)
        return Inflations(np.bincount(which.reshape(-1), self.weights).astype(float), np.exp(_BIN * found))

    def or_more(self, other: Inflations) -> Inflations:
        """Of two independent ones the larger."""
        import numpy as np

        one, two = self.binned(), other.binned()
        weights = np.outer(one.weights, two.weights).ravel()
        return Inflations(
            weights, np.maximum(one.inflations[:, None], two.inflations[None, :]).ravel()
        ).binned()


@dataclass(frozen=True)
class Memory:
    """What is left of the family after a series of n was seen: (shapes,) with their weights."""

    n: int
    shares: FloatArray
    memories: FloatArray
    weights: FloatArray

    def inflation(self, confidence: float, p: float | None = None) -> float:
        """Variance of a mean over that of independent values, at least 1, such that an interval of `confidence` that
        is wider by its root holds. p: of the mean of "is it over the p-quantile?"; None: of the values themselves.
        """
        return self.inflations(p).at(confidence)

    def inflations(self, p: float | None = None, *, coupling: float = 1.0) -> Inflations:
        """Of each shape. coupling: of what is asked about with the series, as a correlation of normal scores."""
        lags, widths = _lags(self.n)
        added = 2 * self._correlations(lags, p, coupling) @ widths
        return Inflations(self.weights, 1 + _GRID_IS_COARSE * added)

    def kernel(self, longest: int) -> FloatArray:
        """The correlation with the next value, the one after that, and so on: of all shapes together; (longest,)."""
        import numpy as np

        lags, _ = _lags(self.n)
        found: FloatArray = self.weights @ self._correlations(lags, None)
        return np.asarray(np.interp(np.arange(1.0, longest + 1), lags, found))

    def _correlations(self, lags: FloatArray, p: float | None, coupling: float = 1.0) -> FloatArray:
        """(shapes, lags)."""
        import numpy as np

        found: FloatArray = np.zeros((self.weights.size, lags.size))
        for share, memory in zip(self.shares.T, self.memories.T, strict=True):
            found += coupling**2 * share[:, None] * np.exp(-lags / memory[:, None])
        if p is None:
            return found
        grid, of_indicator = _indicator_correlation(round(p, 6))
        beyond: FloatArray = np.interp(found, grid, of_indicator)
        return beyond


def memory_of(series: FloatArray, *, ranked: bool = True) -> Memory | None:
    """What the series, (n,) in order, says about its own memory; None of less than 20 values or only one.

    ranked: of its normal scores, as Mehler's formula wants; else of the values as they are.
    Of few events, it says less than of measurements: there, memory is thought likelier.
    """
    import numpy as np

    values = np.asarray(series)
    if values.size < FEWEST:
        return None
    scores = normal_scores(values) if ranked else values - values.mean()
    if not float(np.ptp(scores)) > 0:
        return None
    scores = scores / np.abs(scores).max()  # whatever the unit is, squares are neither 0 nor infinite
    family = _family(values.size)
    starts = family.edges[:-1] - 1
    power = np.abs(np.fft.rfft(scores)[1 : family.edges[-1]]) ** 2
    seen = np.add.reduceat(power, starts) / np.diff(family.edges)
    seen += _LEAST_SEEN * float(
        np.square(scores).sum()
    )  # a series that alternates has none but the highest frequency
    count = float(family.weights.sum())
    fit = -count * np.log(family.inverse @ seen / count) - family.log_sum
    weights = family.prior * np.exp(fit - fit.max())
    if ranked and is_of_events(values):
        weights[0] *= _INDEPENDENT_EVENTS
    weights /= weights.sum()
    kept = weights > _NEGLIGIBLE
    return Memory(
        values.size, family.shares[kept], family.memories[kept], weights[kept] / weights[kept].sum()
    )


def is_of_events(values: FloatArray) -> bool:
    """Whether there are at most two different values: did it happen, or not."""
    return bool(((values == values.min()) | (values == values.max())).all())


def normal_scores(values: FloatArray) -> FloatArray:
    """(n,) of mean 0: each value's rank as a normal deviate; equal values share one."""
    import numpy as np
    from scipy.special import ndtri

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    scores = ndtri(middle / values.size)[place.reshape(-1)]
    centred: FloatArray = scores - scores.mean()
    return centred


@lru_cache(maxsize=8)
def _family(n: int) -> _Family:
    import numpy as np

    last = (n - 1) // 2
    edges = _bin_edges(last)
    sizes = np.diff(edges)
    weights = np.minimum(sizes, _MOST_OF_A_BIN).astype(float)
    cosines = np.add.reduceat(np.cos(2 * np.pi * np.arange(1, last + 1) / n), edges[:-1] - 1) / sizes
    shares, memories, prior = _shapes(max(2.0, n * _LONGEST))
    spectrum = np.repeat(1 - shares.sum(axis=1, keepdims=True), cosines.size, axis=1)
    for share, memory in zip(shares.T, memories.T, strict=True):
        decay = np.exp(-1 / memory)[:, None]
        spectrum += share[:, None] * (1 - decay**2) / (1 + decay**2 - 2 * decay * cosines)
    return _Family(shares, memories, weights / spectrum, np.log(spectrum) @ weights, prior, edges, weights)


def _bin_edges(last: int, *, single: int = 48, growth: float = 1.08) -> npt.NDArray[np.intp]:
    """Low frequencies one by one, where the long memories are; higher ones in ever wider bins. Covers 1..last."""
    import numpy as np

    edges = [1]
    while edges[-1] <= last:
        edges.append(max(edges[-1] + 1, int(edges[-1] * growth)) if edges[-1] > single else edges[-1] + 1)
    edges[-1] = last + 1
    return np.array(edges)


def _shapes(longest: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shares of the variance (shapes, 2), memories (shapes, 2), prior (shapes,): none, one and two memories."""
    import numpy as np

    none = [(0.0, 0.0, 1.0, 1.0)]
    one = [(share, 0.0, tau, 1.0) for share in _SHARES for tau in _geometric(_SHORTEST, longest, _STEP)]
    coarse = _geometric(_SHORTEST_OF_TWO, longest, _COARSE_STEP)
    two = [
        (fast, slow, tau, longer)
        for fast in _COARSE_SHARES
        for slow in _COARSE_SHARES
        if fast + slow <= 1
        for number, tau in enumerate(coarse)
        for longer in coarse[number + 2 :]
    ]
    table = np.array(none + one + two)
    remembering = _REMEMBERING * min(1.0, math.sqrt(longest / (_LONGEST * _LONG)))
    each = [1 - remembering, *[remembering * _ONE_MEMORY / len(one)] * len(one)]
    each += [remembering * (1 - _ONE_MEMORY) / max(1, len(two))] * len(two)
    return table[:, :2], table[:, 2:], np.array(each)


def _geometric(first: float, last: float, step: float) -> list[float]:
    """From first to last in equal ratios of at most `step`."""
    steps = max(1, math.ceil(math.log(last / first) / math.log(step)))
    return [first * (last / first) ** (number / steps) for number in range(steps + 1)]


@lru_cache(maxsize=8)
def _lags(n: int) -> tuple[FloatArray, FloatArray]:
    """Lags at which correlations are looked up, and for how many lags each stands (less those beyond the end)."""
    import numpy as np

    edges = _bin_edges(n - 1, single=24, growth=1.15)
    lags = (edges[:-1] + edges[1:] - 1) / 2
    return lags, np.diff(edges) * (1 - lags / n)


@lru_cache(maxsize=64)
def _indicator_correlation(p: float) -> tuple[FloatArray, FloatArray]:
    """A grid of correlations of normal scores, and for each the correlation of "is it over the p-quantile?"."""
    import numpy as np
    from scipy.special import ndtri

    at = float(ndtri(p))
    polynomials = [1.0, at]
    for k in range(1, _TERMS):
        polynomials.append((at * polynomials[k] - np.sqrt(k) * polynomials[k - 1]) / np.sqrt(k + 1))
    order = np.arange(1, _TERMS + 1)
    density = np.exp(-at * at / 2) / np.sqrt(2 * np.pi)
    shares = density**2 * np.array(polynomials[:_TERMS]) ** 2 / order / (p * (1 - p))
    shares[-1] += max(0.0, 1 - shares.sum())
    grid = 1 - np.linspace(1, 0, 129) ** 2
    return grid, (grid[:, None] ** order) @ shares


def _widened(weights: FloatArray, inflations: FloatArray, confidence: float) -> float:
    """The inflation with which one normal has the quantile of a mixture of normals of these variances."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    error = (1 - confidence) / 2
    plain = -float(ndtri(error))
    roots = np.sqrt(inflations)
    low, high = plain, plain * float(roots.max())
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        if float(weights @ ndtr(-middle / roots)) > error:
            low = middle
        else:
            high = middle
    return max(1.0, (high / plain) ** 2)
