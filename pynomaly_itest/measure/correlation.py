"""How much a series of neighbouring requests is really worth: they share queues, pauses and neighbours.

An interval that takes n correlated observations for n independent ones lies (a "99 %" one covered 65 to
79 %). The inflation of the variance of their mean is estimated twice, by the autocorrelation (Geyer 1992,
initial positive sequence: short memory) and by the means of consecutive blocks (long memory: drift, bursts),
each counted only where it can't be chance; the larger holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

_BLOCKS = (32, 16, 8)
_FEWEST = 20  # below this neither estimate says anything
_CHANCE = 0.01


def inflation(series: FloatArray, *, confidence: float = 0.95) -> float:
    """Variance of the series' mean over that of independent values, at least 1. series: (n,), in order.

    It is itself an estimate, from few stretches where the memory is long: so it is widened as Student's t is
    against the normal, for an interval of `confidence`.
    """
    import numpy as np

    centred = np.asarray(series, dtype=np.float64)
    centred = centred - centred.mean() if centred.size else centred
    if centred.size < _FEWEST or not float(np.dot(centred, centred)) > 0:
        return 1.0
    by_blocks = (_by_blocks(centred, blocks, confidence) for blocks in _BLOCKS if centred.size >= 2 * blocks)
    return max(1.0, _by_autocorrelation(centred, confidence), *by_blocks)


def _by_autocorrelation(centred: FloatArray, confidence: float) -> float:
    """1 + 2 * sum of the autocorrelations, in pairs, while a pair's sum stays positive."""
    import numpy as np

    n = centred.size
    width = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, width)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), width)[: max(2, n // 2)]
    rho = covariance / covariance[0]
    if _is_chance(centred, float(rho[1])):
        return 1.0
    pairs = rho[: rho.size // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: negative[0]] if negative.size else pairs)
    memory = float(2 * kept.sum() - 1)
    if memory <= 1:
        return 1.0
    memory /= max(0.25, 1 - memory / n)  # taking off the sample's own mean takes off some correlation
    return memory * student_widening(n / (4 * kept.size), confidence)


def _is_chance(centred: FloatArray, neighbours: float) -> bool:
    """Whether independent values would have neighbours that alike in over 1 of 100 series (2 for measurements).

    For a rare event ("over the 95th percentile") the correlation of neighbours is far from normal: there, the
    number of neighbouring events is compared with a Poisson's.
    """
    from scipy.special import pdtrc

    greatest, least = centred.max(), centred.min()
    rare = centred == (greatest if greatest > -least else least)
    events = int(rare.sum())
    is_indicator = events + int((centred == centred[~rare][0]).sum()) == centred.size
    if is_indicator and events <= centred.size / 5:
        pairs = int((rare[1:] & rare[:-1]).sum())
        return pairs == 0 or float(pdtrc(pairs - 1, events * (events - 1) / centred.size)) > _CHANCE
    return neighbours < 2.0 / math.sqrt(centred.size)


def _by_blocks(centred: FloatArray, blocks: int, confidence: float) -> float:
    """Variance of block means against what independence would give, if it is significantly more."""
    length = centred.size // blocks
    means = centred[: blocks * length].reshape(blocks, length).mean(axis=1)
    ratio = significant_ratio(float(length * means.var(ddof=1) / centred.var()), blocks)
    return ratio * student_widening(blocks - 1, confidence) if ratio > 1 else 1.0


def inflation_of_windows(
    means: Sequence[float], sizes: Sequence[int], variance: float, *, confidence: float = 0.95
) -> float:
    """The same from windows of which only mean and size are known. variance: of single observations."""
    import numpy as np

    kept = [(mean, size) for mean, size in zip(means, sizes, strict=True) if size > 0]
    if len(kept) < 3 or not variance > 0:
        return 1.0
    values, weights = np.array(kept).T
    centre = np.average(values, weights=weights)
    ratio = float(np.sum(weights * (values - centre) ** 2) / (len(kept) - 1) / variance)
    ratio = significant_ratio(ratio, len(kept))
    return ratio * student_widening(len(kept) - 1, confidence) if ratio > 1 else 1.0


def significant_ratio(ratio: float, blocks: int) -> float:
    """The ratio of variances if chance alone would give less in 99 of 100 cases, else 1."""
    from scipy.special import chdtri

    return ratio if ratio > float(chdtri(blocks - 1, _CHANCE)) / (blocks - 1) else 1.0


def student_widening(degrees: float, confidence: float) -> float:
    """Square of Student's quantile over the normal one: what a variance known from few degrees costs."""
    from scipy.special import ndtri, stdtrit

    upper = (1 + confidence) / 2
    return float((stdtrit(max(2.0, degrees), upper) / ndtri(upper)) ** 2)
