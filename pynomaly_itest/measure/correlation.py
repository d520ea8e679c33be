"""How much a series of neighbouring requests is really worth: they share queues, pauses and neighbours.

An interval that takes n correlated observations for n independent ones lies (a "99 %" one covered 65 to
79 %). The inflation of the variance of their mean is asked of measurements by the memory of their spectrum
(`memory`), of events by the gaps between them (`clusters`), of events among measurements by their coupling to these
too (`coupling`): each a mixture over all that the series does not contradict. What the means of consecutive blocks
vary beyond that counts where it can't be chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.clusters import OF_FAILURES, OF_SLOW_ANSWERS, Clustering, clusters_of
from pynomaly_itest.measure.coupling import coupled_to
from pynomaly_itest.measure.memory import is_of_events, memory_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    BoolArray = npt.NDArray[np.bool_]

_BLOCKS = (32, 16, 8)
_FEWEST = 20  # below this nothing is said
_FEWEST_EVENTS = 10  # of which a spectrum says something
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
    if is_of_events(values):
        remembered = clusters_of(values == values.max(), OF_FAILURES).at(confidence)
        happened = int((values == values.max()).sum())
        memory = memory_of(values) if min(happened, values.size - happened) >= _FEWEST_EVENTS else None
        remembered = max(remembered, 1.0 if memory is None else memory.inflation(confidence))
        return max(remembered, _by_any_blocks(centred, confidence, explained=remembered))
    memory = memory_of(values)
    if memory is None:
        return 1.0
    plain = memory_of(values, ranked=False)  # bursts make values more alike than their ranks are
    remembered = max(memory.inflation(confidence), 1.0 if plain is None else plain.inflation(confidence))
    return max(remembered, _by_any_blocks(centred, confidence, explained=remembered))


def inflation_beyond(
    values: FloatArray,
    beyond: BoolArray,
    p: float,
    limit: float,
    *,
    confidence: float = 0.95,
    before: Clustering = OF_SLOW_ANSWERS,
) -> float:
    """The same of the series "is it beyond the limit?", where that is where the p-quantile should be.

    values, beyond: (n,), in order. By how the events themselves cluster, and how far they follow the drift of the
    other values: of either, all that the series does not contradict, each as likely as it explains it. What clusters
    beyond that (over 1 of 100 times by chance) speaks for itself.
    """
    if beyond.size < _FEWEST:
        return 1.0
    found = clusters_of(beyond, before)
    coupled = coupled_to(values, beyond, p, limit)
    explained = (found if coupled is None else found.or_more(coupled)).at(confidence)
    events = beyond.astype(float)
    if not 0 < events.sum() < events.size:
        return explained
    return max(explained, _by_any_blocks(events - events.mean(), confidence, explained=explained))


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
