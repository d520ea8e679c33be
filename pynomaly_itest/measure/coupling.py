"""How far slow answers follow the drift of the fast ones: estimated, not presumed.

Latencies drift with whatever else the machine does, and a limit in their midst is crossed as they drift: there, the
memory of all values is that of the crossings (a Gaussian copula). Pauses, retries and cache misses are events of their
own, and come however the others fare. Which of the two it is shows in the answers around each event: if events follow
the drift, their neighbours are slower than usual, by as much as the copula says. The coupling is a correlation
between 0 and 1; each of a few is weighed by that, and an interval has to hold under their mixture.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.memory import Inflations, Memory, memory_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    BoolArray = npt.NDArray[np.bool_]

_COUPLINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
_NEAR = (0.1, 0.1, 0.1, 0.1, 0.6)
"""How likely each is, before anything was seen, where the limit lies in the midst of the others or next to them."""
_FAR = (0.7, 0.15, 0.08, 0.05, 0.02)
"""The same where it lies far beyond them: no drift that was seen goes there."""
_FAR_AWAY = 4.0
"""Standard deviations of what is within the limit (robust, of logarithms where all are positive)."""
_FREQUENT = 0.2
"""As a share: so many events are part of the bulk, whose memory is theirs."""
_NO_MEMORY = 0.02


def coupled_to(values: FloatArray, events: BoolArray, p: float, limit: float) -> Inflations | None:
    """The variance that a count of events has from following the other values; None where these say nothing.

    values, events: (n,) in order; events are the values on one side of the limit, of which a share of 1 - p is
    allowed. Where there is no event, memory counts if it is likelier than not: by the median.
    """
    import numpy as np

    count = int(events.sum())
    if 2 * count > events.size:
        events, p = ~events, 1 - p
        count = events.size - count
    quiet = ~events
    if _is_far(values[quiet], limit):
        if count == 0:
            return None
        return _weighed(values, events, p, _FAR)
    if count > _FREQUENT * events.size or count == 0:
        memory = memory_of(values)
        if memory is None:
            return None
        return memory.inflations(p) if count else _mixture(memory, p, np.array(_NEAR)).median()
    return _weighed(values, events, p, _NEAR)


def _weighed(values: FloatArray, events: BoolArray, p: float, prior: tuple[float, ...]) -> Inflations | None:
    import numpy as np

    quiet = ~events
    others = np.where(quiet, values, np.median(values[quiet]))
    memory = memory_of(values if prior is _NEAR else others)
    if memory is None:
        return None
    scores = _scores(values, quiet, sign=1.0 if values[events].min() >= values[quiet].max() else -1.0)
    seen = _seen(scores, events, memory.kernel(events.size // 2))
    return _mixture(memory, p, np.array(prior) * seen)


def _mixture(memory: Memory, p: float, odds: FloatArray) -> Inflations:
    import numpy as np

    weights = odds / odds.sum()
    parts = [memory.inflations(p, coupling=coupling) for coupling in _COUPLINGS]
    return Inflations(
        np.concatenate([weight * part.weights for weight, part in zip(weights, parts, strict=True)]),
        np.concatenate([part.inflations for part in parts]),
    )


def _is_far(others: FloatArray, limit: float) -> bool:
    """Whether the limit is far from all that is on the other side of it."""
    import numpy as np

    others = others[np.isfinite(others)]
    if others.size == 0 or not math.isfinite(limit):
        return False
    if float(others.min()) > 0 and limit > 0:
        others, limit = np.log(others), math.log(limit)
    low, middle, high = np.quantile(others, [0.1, 0.5, 0.9])
    spread = max(high - middle, middle - low) / 1.2816
    return bool(abs(limit - middle) > _FAR_AWAY * max(spread, 1e-12 * abs(middle)))


def _scores(values: FloatArray, quiet: BoolArray, *, sign: float) -> FloatArray:
    """Normal scores of the others, by rank, higher towards the events; 0 in the events' places."""
    import numpy as np

    from pynomaly_itest.measure.memory import normal_scores

    scores = np.zeros(values.size)
    scores[quiet] = sign * normal_scores(values[quiet])
    return scores


def _seen(scores: FloatArray, events: BoolArray, kernel: FloatArray) -> FloatArray:
    """The likelihood of each coupling: by how much the others around the events are slower than usual; (couplings,).

    "Around" is weighted as far as the memory reaches. Events that come together have the same neighbours: they count
    as fewer, by the correlation of the neighbourhoods.
    """
    import numpy as np

    couplings = np.array(_COUPLINGS)
    if kernel.size == 0 or float(kernel.max()) < _NO_MEMORY:
        return np.ones(couplings.size)
    n, quiet, width = scores.size, ~events, 1 << (2 * scores.size - 1).bit_length()
    both_ways = np.zeros(width)
    both_ways[1 : kernel.size + 1] = kernel
    both_ways[-kernel.size :] = kernel[::-1]
    around = np.fft.irfft(np.fft.rfft(scores, width) * np.fft.rfft(both_ways), width)[:n]
    spread = float(around[quiet].std())
    if not spread > _NO_MEMORY * float(kernel.max()):
        return np.ones(couplings.size)
    around = (around - around[quiet].mean()) / spread
    share = float(events.mean())
    alike = max(0.0, float((around[quiet] * scores[quiet]).mean()))  # both have mean 0 and variance 1
    expected = alike * _height(share)
    variance = max(1.0, _pairs(events.astype(float), around, width) / events.sum()) / events.sum()
    distance = np.maximum(0.0, around[events].mean()) - couplings * expected
    return np.asarray(np.exp(-np.square(distance) / (2 * variance)) + 1e-12)


def _height(share: float) -> float:
    """How far above the mean the largest values of that share are, on average, of normal ones."""
    from scipy.special import ndtri

    return math.exp(-(float(ndtri(share)) ** 2) / 2) / math.sqrt(2 * math.pi) / share


def _pairs(events: FloatArray, around: FloatArray, width: int) -> float:
    """The sum over all pairs of events of the correlation of what is around them."""
    import numpy as np

    def covariances(series: FloatArray) -> FloatArray:
        return np.asarray(np.fft.irfft(np.abs(np.fft.rfft(series, width)) ** 2, width)[: series.size])

    alike, apart = covariances(around), covariances(events)
    return float(apart[0] + 2 * (apart[1:] * alike[1:]).sum() / alike[0])
