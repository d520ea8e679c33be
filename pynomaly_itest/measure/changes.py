"""Where the level of a figure changed in a history of runs: change points by seeded binary segmentation.

A stretch is split where, in it or in a part of it, the ranks left and right differ most (a CUSUM of ranks: one
outlier moves little; parts as by Kovács et al. 2023, so that up and down again is seen), if shuffled histories
hardly ever differ as much (a permutation test); then both sides are looked at again. Where exactly it changed is
then told by the values themselves: of near-by splits, the one whose sides lie closest to their medians.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

FEWEST_RUNS = 8
_SHORTEST = 3
_FINEST = 16
_NEAR = 5
_SHUFFLES = 1999
_AT_ONCE = 100_000
_SEED = 20_140_401


@dataclass(frozen=True)
class ChangePoint:
    """A figure's level became another one with the run at `index` (into the values given).

    before, after: medians of the stretches on both sides. change: after / before - 1; None where before is 0.
    p: how often a shuffled history differs as much.
    """

    index: int
    before: float
    after: float
    change: float | None
    p: float


def change_points(values: Sequence[float], *, error: float = 0.001) -> tuple[ChangePoint, ...]:
    """Where the level changed, in order. values: one figure a run, the oldest first; NaN where a run has none.

    error: the p-value up to which a change counts. Always the same answer for the same values; none from fewer
    than eight figures, and the smallest p-value possible is 0.0005.
    """
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(series))
    if known.size < FEWEST_RUNS:
        return ()
    kept = series[known]
    found = sorted(_split(kept, 0, kept.size, error, np.random.default_rng(_SEED)))
    edges = [0, *(at for at, _ in found), kept.size]
    for number in range(1, len(edges) - 1):
        edges[number] = _settled(kept, *edges[number - 1 : number + 2])
    found = [(at, p) for at, (_, p) in zip(edges[1:-1], found, strict=True)]
    return tuple(
        _point(int(known[at]), kept[edges[number] : at], kept[at : edges[number + 2]], p)
        for number, (at, p) in enumerate(found)
    )


def _settled(values: FloatArray, begin: int, at: int, end: int) -> int:
    """The split of values[begin:end] near `at` that leaves the least distance to the medians of both sides.

    By ranks alone the runs before a change that lie highest of their side are taken for the other one's.
    """
    import numpy as np

    def distance(split: int) -> float:
        sides = values[begin:split], values[split:end]
        return sum(float(np.abs(side - np.median(side)).sum()) for side in sides)

    first, last = max(begin + _SHORTEST, at - _NEAR), min(end - _SHORTEST, at + _NEAR)
    return min(range(first, last + 1), key=lambda split: (distance(split), abs(split - at)), default=at)


def _point(index: int, left: FloatArray, right: FloatArray, p: float) -> ChangePoint:
    import numpy as np

    before, after = float(np.median(left)), float(np.median(right))
    return ChangePoint(index, before, after, after / before - 1 if before else None, p)


def _split(
    values: FloatArray, start: int, stop: int, error: float, chance: np.random.Generator
) -> list[tuple[int, float]]:
    """(index, p) of every change in values[start:stop], in no order."""
    import numpy as np

    part = values[start:stop]
    if part.size < FEWEST_RUNS or np.ptp(part) == 0:
        return []
    ranks = _ranks(part)
    observed, at = _best_split(ranks)
    p = _p_value(ranks, observed, chance)
    if p > error:
        return []
    middle = start + at
    return [
        *_split(values, start, middle, error, chance),
        (middle, p),
        *_split(values, middle, stop, error, chance),
    ]


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks, ties sharing their mean."""
    import numpy as np

    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[where].astype(np.float64)
    return ranks


def _best_split(ranks: FloatArray) -> tuple[float, int]:
    """How much the best split divides, and the index it is in front of."""
    import numpy as np

    best, at = -1.0, 0
    for begin, end in _parts(ranks.size):
        cusum = _cusum(ranks[np.newaxis, begin:end])[0]
        place = int(np.argmax(cusum))
        if cusum[place] > best:
            best, at = float(cusum[place]), begin + place + _SHORTEST
    return best, at


def _parts(n: int) -> Iterator[tuple[int, int]]:
    """The whole, then halves, quarters and so on that overlap by half, down to the fewest runs."""
    length = n
    while length >= FEWEST_RUNS:
        count = 1 if length == n else 2 * math.ceil(n / length) - 1
        for number in range(count):
            begin = round(number * (n - length) / max(1, count - 1))
            yield begin, begin + length
        length = length // 2 if length // 2 >= n // _FINEST else 0


def _cusum(rows: FloatArray) -> FloatArray:
    """For each row, (k, n), how much both sides of each split differ: (k, n - 2 * _SHORTEST + 1)."""
    import numpy as np

    n = rows.shape[1]
    left = np.arange(_SHORTEST, n - _SHORTEST + 1)
    centred = rows - rows.mean(axis=1, keepdims=True)
    sums = np.cumsum(centred, axis=1)[:, left - 1]
    scaled: FloatArray = np.abs(sums) / np.sqrt(left * (n - left) / n)
    return scaled


def _p_value(ranks: FloatArray, observed: float, chance: np.random.Generator) -> float:
    """The share of shuffled histories whose best split is at least as good."""
    import numpy as np

    rows = max(1, min(_SHUFFLES, _AT_ONCE // ranks.size))
    beaten, done = 0, 0
    while done < _SHUFFLES:
        count = min(rows, _SHUFFLES - done)
        shuffled = chance.permuted(np.broadcast_to(ranks, (count, ranks.size)), axis=1)
        greatest = np.zeros(count)
        for begin, end in _parts(ranks.size):
            np.maximum(greatest, _cusum(shuffled[:, begin:end]).max(axis=1), out=greatest)
        beaten += int((greatest >= observed - 1e-9).sum())
        done += count
    return (beaten + 1) / (done + 1)
