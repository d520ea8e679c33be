"""Two builds compared by pairs of processes: the pair is the unit of evidence, calls within one are not.

Calls in one process share its memory layout, its caches and its neighbours (correlation of neighbours 0.45 to
0.75): an interval over calls lies. So effects are pooled, but their error is that between pairs (Woodruff 1952,
with pairs as clusters, Student's t of K - 1 degrees). All effects are log ratios candidate / base: above 0 is more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

SLICES = 10


class Effect(Protocol):
    """An estimated log ratio whose truth can be tested and bracketed."""

    @property
    def value(self) -> float: ...

    @property
    def pairs(self) -> int: ...

    def p_above(self, limit: float) -> float:
        """One-sided p-value of "the truth is at most `limit`": small when it is clearly above."""
        ...

    def p_below(self, limit: float) -> float:
        """One-sided p-value of "the truth is at least `limit`": small when it is clearly below."""
        ...

    def bound(self, level: float, *, upper: bool) -> float | None:
        """The one-sided bound that errs with probability `level`; None where the pairs are too few for one."""
        ...


def paired_log_ratios(base: FloatArray, candidate: FloatArray) -> FloatArray:
    """log(candidate / base) of calls made next to each other. base, candidate: (n,) and (m,) durations, > 0."""
    import numpy as np

    n = min(len(base), len(candidate))
    ratios: FloatArray = np.log(np.asarray(candidate[:n], dtype=np.float64)) - np.log(
        np.asarray(base[:n], dtype=np.float64)
    )
    return ratios


def quantile_log_ratios(
    base: FloatArray, candidate: FloatArray, p: float, *, slices: int = SLICES
) -> FloatArray:
    """log ratio of the p-quantiles in consecutive slices of one pair's run: for p95 and p99. Returns (slices,)."""
    import numpy as np

    n = min(len(base), len(candidate))
    used = max(1, min(slices, int(n * (1 - p) / 2)))  # at least two calls beyond the quantile in each slice
    parts = zip(np.array_split(base[:n], used), np.array_split(candidate[:n], used), strict=True)
    return np.array([math.log(np.quantile(after, p) / np.quantile(before, p)) for before, after in parts])


@dataclass(frozen=True)
class MedianEffect:
    """The pooled median of all pairs' effects, with Woodruff's error between pairs.

    _pooled: sorted, (n,). _ends: (n + 1,) the share of the pool up to each, from 0 to 1; every pair has the same.
    """

    value: float
    pairs: int
    _pooled: FloatArray
    _ends: FloatArray
    _error: float

    def p_above(self, limit: float) -> float:
        return 1 - self._student(limit)

    def p_below(self, limit: float) -> float:
        return self._student(limit)

    def _student(self, limit: float) -> float:
        """Student's distribution at the standardised share of effects at most `limit`, less one half, negated."""
        from scipy.special import stdtr

        return float(stdtr(self.pairs - 1, (0.5 - self._share(limit)) / self._error))

    def _share(self, limit: float) -> float:
        """The share of the pool below `limit`, and half of what is equal to it."""
        import numpy as np

        below = np.searchsorted(self._pooled, limit, side="left")
        at_most = np.searchsorted(self._pooled, limit, side="right")
        return float(self._ends[below] + self._ends[at_most]) / 2

    def bound(self, level: float, *, upper: bool) -> float | None:
        import numpy as np
        from scipy.special import stdtrit

        reach = float(stdtrit(self.pairs - 1, 1 - level)) * self._error
        share = 0.5 + reach if upper else 0.5 - reach
        middles = (self._ends[:-1] + self._ends[1:]) / 2
        return float(np.interp(share, middles, self._pooled)) if 0 < share < 1 else None


@dataclass(frozen=True)
class MeanEffect:
    """The mean over pairs of one effect each (memory: one number a process), with Student's t."""

    value: float
    pairs: int
    _error: float

    def p_above(self, limit: float) -> float:
        from scipy.special import stdtr

        return float(stdtr(self.pairs - 1, (limit - self.value) / self._error))

    def p_below(self, limit: float) -> float:
        from scipy.special import stdtr

        return float(stdtr(self.pairs - 1, (self.value - limit) / self._error))

    def bound(self, level: float, *, upper: bool) -> float | None:
        from scipy.special import stdtrit

        reach = float(stdtrit(self.pairs - 1, 1 - level)) * self._error
        return self.value + reach if upper else self.value - reach


_LEAST_ERROR = 1e-12  # identical pairs: an error of 0 would make every limit infinitely far
_STRICT = 1.5e-5  # the strictest level that a single metric is judged at


def effect_of(clusters: Sequence[FloatArray]) -> Effect | None:
    """The effect over process pairs. clusters: for each pair the log ratios found in it, (n_k,).

    One ratio a pair gives a mean, several a pooled median in which every pair counts the same. Where the pairs are
    so few, or differ so much more than their calls, that shares of the pool can't say enough, the mean of the pairs'
    medians: at six pairs always, later where a start makes more difference than a call.
    None from fewer than two pairs, or where a ratio is not finite.
    """
    import numpy as np

    kept = tuple(np.asarray(cluster, dtype=np.float64) for cluster in clusters if len(cluster))
    if len(kept) < 2 or not all(np.isfinite(cluster).all() for cluster in kept):
        return None
    if max(cluster.size for cluster in kept) == 1:
        return _mean_effect(np.concatenate(kept))
    pooled = _median_effect(kept)
    if pooled.bound(_STRICT, upper=True) is None or pooled.bound(_STRICT, upper=False) is None:
        return _mean_effect(np.array([np.median(cluster) for cluster in kept]), _error_of_medians(kept))
    return pooled


def _mean_effect(values: FloatArray, least_error: float = 0.0) -> MeanEffect:
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return MeanEffect(float(values.mean()), values.size, max(error, least_error, _LEAST_ERROR))


def _error_of_medians(clusters: Sequence[FloatArray]) -> float:
    """What the scatter within pairs alone makes of the error: few medians that happen to agree are not surer.

    From quartiles, as one call in a burst says nothing of the middle.
    """
    import numpy as np

    quartiles = np.array([np.quantile(cluster, (0.25, 0.75)) for cluster in clusters])
    sizes = np.array([cluster.size for cluster in clusters])
    variances = math.pi / 2 * ((quartiles[:, 1] - quartiles[:, 0]) / 1.349) ** 2 / sizes
    return math.sqrt(float(variances.sum())) / len(clusters)


def _median_effect(clusters: tuple[FloatArray, ...]) -> MedianEffect:
    import numpy as np

    unsorted = np.concatenate(clusters)
    order = np.argsort(unsorted, kind="stable")
    each = [np.full(cluster.size, 1 / (cluster.size * len(clusters))) for cluster in clusters]
    weights = np.concatenate(each)[order]  # no pair outvotes another because it ran faster
    ends = np.minimum(np.concatenate(([0.0], np.cumsum(weights))), 1.0)
    pooled = unsorted[order]
    value = float(np.interp(0.5, (ends[:-1] + ends[1:]) / 2, pooled))
    shares = np.array([((c < value).mean() + (c <= value).mean()) / 2 for c in clusters])
    error = float(shares.std(ddof=1)) / math.sqrt(len(clusters))
    independent = 0.5 * math.sqrt(
        float((weights**2).sum())
    )  # never surer than independent calls would make it
    return MedianEffect(value, len(clusters), pooled, ends, max(error, independent))
