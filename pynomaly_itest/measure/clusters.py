"""How events cluster, by the gaps between them: what they tell of the share of slow, or failed, requests.

A pause hits several requests in a row, a busy neighbour makes slow answers likelier for a while. So a hidden two-state
Markov chain is thought to be busy or quiet, and an event to have one chance in each (a Markov-modulated Bernoulli
process; where it is never quiet and always busy's, Klotz's two-state chain, 1973). That is also what extreme-value
theory says of any series: gaps between exceedances are a mixture of two lengths (Ferro & Segers 2003). The likelihood
is exact, by the gaps. No one process is chosen: each is weighed by how well it explains them, independence among
them, and an interval has to hold under their mixture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.memory import Inflations, memory_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    BoolArray = npt.NDArray[np.bool_]

_AUTOCORRELATIONS = (0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.55, 0.8, 1.0)
"""Of an event with the same a moment later."""
_SCATTERED = (0.0, 0.3, 0.6)
"""Which part of the events comes at any time, busy or not."""
_SHORTEST, _STEP = 0.5, 1.6
_LONGEST = 0.25
"""The longest busy spell that is thought of, as a share of the series: a longer one looks like a level."""
_MOST_EXACT, _FREQUENT = 600, 0.25
"""Of more events, or where they are a larger share, the spectrum says as much, for less."""
_NEARLY_ONE = 1 - 1e-9
_LEAST = 1e-300


@dataclass(frozen=True)
class Clustering:
    """What is thought of events before anything was seen.

    likely: that many cluster; so `few` of them half as likely, and fewer less: what they could not show would make
    every interval endless. longer: a power of the length of busy spells that is likelier by it; long ones show the
    least, and cost the most.
    """

    likely: float = 0.9
    few: float = 3.0
    longer: float = 0.3


OF_SLOW_ANSWERS = Clustering()
OF_A_QUANTILE = Clustering(few=8.0, longer=0.0)
"""For an interval around a quantile, which no verdict rests on."""
OF_FAILURES = Clustering(likely=0.99, few=0.0, longer=0.0)
"""Of which nothing else is known than when they happened."""


def clusters_of(events: BoolArray, before: Clustering = OF_SLOW_ANSWERS) -> Inflations:
    """What the events, (n,) in order, say about the variance of their count; all or none of them say nothing."""
    import numpy as np

    n, count = events.size, int(events.sum())
    rare = events if 2 * count <= n else ~events
    places = np.flatnonzero(rare)
    if places.size == 0:
        return Inflations(np.ones(1), np.ones(1))
    if places.size > min(_MOST_EXACT, _FREQUENT * n):
        memory = memory_of(rare.astype(float), ranked=False)
        if memory is not None:
            return memory.inflations()
    share = places.size / n
    grid = _grid(n)
    together = share * (1 - grid.scattered) ** 2
    busy = together / (grid.correlations * (1 - share) + together)
    quiet_chance = grid.scattered * share
    busy_chance = quiet_chance + (1 - grid.scattered) * share / busy
    possible = busy_chance <= 1 + 1e-9
    decay = np.exp(-1 / grid.lengths)
    chances = (np.minimum(busy_chance, _NEARLY_ONE), quiet_chance)
    chain = _Chain.of(busy[possible], decay[possible], chances[0][possible], chances[1][possible])
    fit = _log_likelihood(chain, places, n)
    alone = places.size * math.log(share) + (n - places.size) * math.log1p(-share)
    best = max(float(fit.max()), alone)
    clustering = before.likely * places.size / (places.size + before.few)
    each = grid.lengths[possible] ** before.longer
    each *= clustering / each.sum()
    odds = np.concatenate([[(1 - clustering) * math.exp(alone - best)], each * np.exp(fit - best)])
    added = (2 * grid.correlations / np.expm1(1 / grid.lengths))[possible]
    return Inflations(odds / odds.sum(), np.concatenate([[1.0], 1 + added]))


@dataclass(frozen=True)
class _Grid:
    """Processes that are weighed; (k,) each. lengths: over how many requests the correlation fades."""

    correlations: FloatArray
    lengths: FloatArray
    scattered: FloatArray


@lru_cache(maxsize=8)
def _grid(n: int) -> _Grid:
    import numpy as np

    steps = int(math.log(max(2.0, _LONGEST * n) / _SHORTEST) / math.log(_STEP))
    lengths = _SHORTEST * _STEP ** np.arange(steps + 1)
    axes = np.meshgrid(np.array(_AUTOCORRELATIONS), lengths, np.array(_SCATTERED), indexing="ij")
    return _Grid(*(axis.ravel() for axis in axes))


@dataclass(frozen=True)
class _Chain:
    """k chains: the share of time each is busy, and what a step does to (busy, quiet), without an event and with one.

    busy: (k,). silent, event: (4, k), the matrices' entries row by row: from busy, then from quiet.
    """

    busy: FloatArray
    silent: FloatArray
    event: FloatArray

    @classmethod
    def of(cls, busy: FloatArray, decay: FloatArray, when_busy: FloatArray, when_quiet: FloatArray) -> _Chain:
        """decay: of the state's correlation, a step. when_busy, when_quiet: the chances of an event."""
        import numpy as np

        stay, wake = busy + (1 - busy) * decay, busy * (1 - decay)
        moves = np.stack([stay, 1 - stay, wake, 1 - wake])
        chances = np.stack([when_busy, when_quiet, when_busy, when_quiet])
        return cls(busy, moves * (1 - chances), moves * chances)

    def silences(self, steps: FloatArray) -> FloatArray:
        """`silent` to these powers, by its eigenvalues; (4, k, steps)."""
        import numpy as np

        a, b, c, d = self.silent
        half = (a + d) / 2
        root = np.sqrt(np.maximum(half**2 - (a * d - b * c), 1e-18))
        slow, quick = (half + root)[:, None], np.maximum(half - root, _LEAST)[:, None]
        slowly, quickly = np.exp(np.log(slow) * steps), np.exp(np.log(quick) * steps)
        linear = (slowly - quickly) / (slow - quick)
        constant = (quickly * slow - slowly * quick) / (slow - quick)
        powers = linear * self.silent[:, :, None]
        powers[0] += constant
        powers[3] += constant
        return np.asarray(powers)


def _log_likelihood(chain: _Chain, places: npt.NDArray[np.intp], n: int) -> FloatArray:
    """Of events at exactly these places, in order, among n; (k,)."""
    import numpy as np

    gaps, which = np.unique(np.diff(places, prepend=-1) - 1, return_inverse=True)
    until_next = _product(chain.silences(gaps.astype(float)), chain.event[:, :, None])
    all_of_them, log_scale = _in_order(until_next[:, :, which.reshape(-1)])
    last = chain.silences(np.array([float(n - 1 - places[-1])]))[:, :, 0]
    course = _product(all_of_them, last)
    chance = chain.busy * (course[0] + course[1]) + (1 - chain.busy) * (course[2] + course[3])
    return np.asarray(log_scale + np.log(np.maximum(chance, _LEAST)))


def _product(one: FloatArray, other: FloatArray) -> FloatArray:
    """Of 2 x 2 matrices whose four entries stand along the first axis."""
    import numpy as np

    a, b, c, d = one
    e, f, g, h = other
    return np.stack([a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h])


def _in_order(matrices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The product of (4, k, m) along the last axis, (4, k), by neighbours; and the logarithm of its scale, (k,)."""
    import numpy as np

    log_scale = np.zeros(matrices.shape[1])
    while (m := matrices.shape[2]) > 1:
        paired = _product(matrices[:, :, 0 : m - 1 : 2], matrices[:, :, 1:m:2])
        scale = np.maximum(paired.max(axis=0), _LEAST)
        log_scale += np.log(scale).sum(axis=1)
        paired /= scale
        matrices = np.concatenate([paired, matrices[:, :, -1:]], axis=2) if m % 2 else paired
    return matrices[:, :, 0], log_scale
