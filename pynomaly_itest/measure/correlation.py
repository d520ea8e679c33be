"""How much a series of neighbouring requests is really worth: they share queues, pauses and neighbours.

An interval that takes n correlated observations for n independent ones lies (a "99 %" one covered 65 to
79 %). The inflation of the variance of their mean is asked for in two ways, and the larger holds: of the memory of the
values (`memory`: short and long, weighed by how likely each is), and of how the events themselves cluster (Geyer 1992,
initial positive sequence; means of consecutive blocks), which counts only where it can't be chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.memory import is_of_events, memory_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

_BLOCKS = (32, 16, 8)
_FEWEST = 20  # below this neither estimate says anything
_FEWEST_EVENTS = 10
_MANY_EVENTS = 50  # so many have a memory of their own to show, which need not be the values'
_CHANCE = 0.01


def inflation(series: FloatArray, *, confidence: float = 0.95) -> float:
    """Variance of the series' mean over that of independent values, at least 1. series: (n,), in order.

    It is itself an estimate, from few stretches where the memory is long: so it is such that an interval of
    `confidence` which is wider by its root holds.
    """
    import numpy as np

    values = np.asarray(series, dtype=np.float64)
    if values.size < _FEWEST or not float(np.ptp(values)) > 0:
        return 1.0
    centred = values - values.mean()
    memory = None if _is_of_few_events(values) else memory_of(values)
    if memory is None:
        return max(_by_autocorrelation(centred, confidence), _by_any_blocks(centred, confidence))
    plain = memory_of(values, ranked=False)  # bursts make values more alike than their ranks are
    remembered = max(memory.inflation(confidence), 1.0 if plain is None else plain.inflation(confidence))
    return max(remembered, _by_any_blocks(centred, confidence, explained=remembered))


def inflation_beyond(
    values: FloatArray, beyond: npt.NDArray[np.bool_], p: float, *, confidence: float = 0.95
) -> float:
    """The same of the series "is it beyond?", where that is where the values leave their p-quantile.

    values, beyond: (n,), in order. A few events say next to nothing about how they cluster; the memory of all values
    says more, as far as it reaches that quantile. Events that cluster beyond what it explains speak for themselves.
    """
    events = beyond.astype(float)
    memory = memory_of(values) if 0 < p < 1 else None
    if memory is None or not 0 < events.sum() < events.size:
        return inflation(events, confidence=confidence)
    centred = events - events.mean()
    explained = memory.inflation(confidence, p)
    if min(events.sum(), events.size - events.sum()) >= _MANY_EVENTS:
        own = memory_of(events, ranked=False)
        explained = max(explained, 1.0 if own is None else own.inflation(confidence))
    by_blocks = _by_any_blocks(centred, confidence, explained=explained)
    clustered = _by_autocorrelation(centred, confidence, explained=memory.neighbours(p))
    return max(explained, by_blocks, clustered)


def _is_of_few_events(values: FloatArray) -> bool:
    """Whether these are events, and too few (or too few that are none) for a spectrum."""
    happened = int((values == values.max()).sum())
    return min(happened, values.size - happened) < _FEWEST_EVENTS and is_of_events(values)


def _by_autocorrelation(centred: FloatArray, confidence: float, *, explained: float = 0.0) -> float:
    """1 + 2 * sum of the autocorrelations, in pairs, while a pair's sum stays positive; 1 where the correlation of
    neighbours may be no more than is explained.
    """
    import numpy as np

    n = centred.size
    width = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, width)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), width)[: max(2, n // 2)]
    rho = covariance / covariance[0]
    if _is_chance(centred, float(rho[1]), explained):
        return 1.0
    pairs = rho[: rho.size // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: negative[0]] if negative.size else pairs)
    memory = float(2 * kept.sum() - 1)
    if memory <= 1:
        return 1.0
    memory /= max(0.25, 1 - memory / n)  # taking off the sample's own mean takes off some correlation
    return memory * student_widening(n / (4 * kept.size), confidence)


def _is_chance(centred: FloatArray, neighbours: float, explained: float) -> bool:
    """Whether values would have neighbours that alike in over 1 of 100 series (2 for frequent events), if their
    correlation were the one that is explained.

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
        expected = events * (events - 1) / centred.size
        expected += explained * events * (1 - events / centred.size)
        return pairs == 0 or float(pdtrc(pairs - 1, expected)) > _CHANCE
    return neighbours - explained < 2.0 / math.sqrt(centred.size)


def _by_any_blocks(centred: FloatArray, confidence: float, *, explained: float = 1.0) -> float:
    numbers = [blocks for blocks in _BLOCKS if centred.size >= 2 * blocks]
    return max((_by_blocks(centred, blocks, confidence, explained) for blocks in numbers), default=1.0)


def _by_blocks(centred: FloatArray, blocks: int, confidence: float, explained: float) -> float:
    """Variance of block means against what independence would give, if it is significantly more than is explained."""
    length = centred.size // blocks
    means = centred[: blocks * length].reshape(blocks, length).mean(axis=1)
    ratio = float(length * means.var(ddof=1) / centred.var())
    if significant_ratio(ratio / explained, blocks) <= 1:
        return 1.0
    return ratio * student_widening(blocks - 1, confidence)


def inflation_of_windows(
    means: Sequence[float], sizes: Sequence[int], variance: float, *, confidence: float = 0.95
) -> float:
    """The same from windows of which only mean and size are known. variance: of single observations.

    Few windows count only where they differ by more than chance; many are taken at their word, and remember.
    """
    import numpy as np

    kept = [(mean, size) for mean, size in zip(means, sizes, strict=True) if size > 0]
    if len(kept) < 3 or not variance > 0:
        return 1.0
    values, weights = np.array(kept).T
    centre = np.average(values, weights=weights)
    ratio = float(np.sum(weights * (values - centre) ** 2) / (len(kept) - 1) / variance)
    memory = memory_of(values)
    if memory is None:
        ratio = significant_ratio(ratio, len(kept))
        return ratio * student_widening(len(kept) - 1, confidence) if ratio > 1 else 1.0
    return max(1.0, ratio) * max(memory.inflation(confidence), student_widening(len(kept) - 1, confidence))


def significant_ratio(ratio: float, blocks: int) -> float:
    """The ratio of variances if chance alone would give less in 99 of 100 cases, else 1."""
    from scipy.special import chdtri

    return ratio if ratio > float(chdtri(blocks - 1, _CHANCE)) / (blocks - 1) else 1.0


def student_widening(degrees: float, confidence: float) -> float:
    """Square of Student's quantile over the normal one: what a variance known from few degrees costs."""
    from scipy.special import ndtri, stdtrit

    upper = (1 + confidence) / 2
    return float((stdtrit(max(2.0, degrees), upper) / ndtri(upper)) ** 2)
