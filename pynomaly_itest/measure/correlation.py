"""How much a series of neighbouring requests is really worth: they share queues, pauses and neighbours.

An interval that takes n correlated observations for n independent ones lies (a "99 %" one covered 65 to
79 %). The inflation of the variance of their mean is estimated twice, by the autocorrelation (Geyer 1992,
initial positive sequence: short memory) and by the means of consecutive blocks (long memory: drift, bursts),
each counted only where it can't be chance; the larger holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

_BLOCKS = 24
_FEWEST = 20  # below this neither estimate says anything
_CHANCE = 0.01


def inflation(series: FloatArray) -> float:
    """Variance of the series' mean over that of independent values, at least 1. series: (n,), in order."""
    import numpy as np

    centred = np.asarray(series, dtype=np.float64)
    centred = centred - centred.mean() if centred.size else centred
    if centred.size < _FEWEST or not float(np.dot(centred, centred)) > 0:
        return 1.0
    return max(1.0, _by_autocorrelation(centred), _by_blocks(centred))


def _by_autocorrelation(centred: FloatArray) -> float:
    """1 + 2 * sum of the autocorrelations, in pairs, while a pair's sum stays positive."""
    import numpy as np

    n = centred.size
    width = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, width)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), width)[: max(2, n // 2)]
    rho = covariance / covariance[0]
    if rho[1] < 2.0 / np.sqrt(n):  # at two standard errors: by chance in 2 of 100 series
        return 1.0
    pairs = rho[: rho.size // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = pairs[: negative[0]] if negative.size else pairs
    return float(2 * np.minimum.accumulate(kept).sum() - 1)


def _by_blocks(centred: FloatArray) -> float:
    """Variance of block means against what independence would give, if it is significantly more."""
    blocks = min(_BLOCKS, centred.size // 5)
    length = centred.size // blocks
    means = centred[: blocks * length].reshape(blocks, length).mean(axis=1)
    return significant_ratio(float(length * means.var(ddof=1) / centred.var()), blocks)


def inflation_of_windows(means: Sequence[float], sizes: Sequence[int], variance: float) -> float:
    """The same from windows of which only mean and size are known. variance: of single observations."""
    import numpy as np

    kept = [(mean, size) for mean, size in zip(means, sizes, strict=True) if size > 0]
    if len(kept) < 3 or not variance > 0:
        return 1.0
    values, weights = np.array(kept).T
    centre = np.average(values, weights=weights)
    ratio = float(np.sum(weights * (values - centre) ** 2) / (len(kept) - 1) / variance)
    return max(1.0, significant_ratio(ratio, len(kept)))


def significant_ratio(ratio: float, blocks: int) -> float:
    """The ratio of variances if chance alone would give less in 99 of 100 cases, else 1."""
    from scipy.special import chdtri

    return ratio if ratio > float(chdtri(blocks - 1, _CHANCE)) / (blocks - 1) else 1.0
