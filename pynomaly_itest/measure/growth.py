"""Whether something grows with the work done: a leak, told from the memory that a service takes once and keeps."""

from __future__ import annotations

from collections.abc import Sequence

from pynomaly_itest.measure.estimate import Estimate, no_data
from pynomaly_itest.measure.quantiles import rank_bounds

SETTLING_SHARE = 0.4
"""Of the work at the beginning: caches, pools and the allocator fill up in it, and it says nothing about leaks."""
_MOST_STRETCHES = 13
_LEAST_STRETCHES = 7


def growth(
    work: Sequence[float], readings: Sequence[float], unit: str, *, confidence: float = 0.95
) -> Estimate:
    """How much the readings grow for each unit of work, after the first 40 % of it.

    work: (n,) how much was done when each of the readings: (n,) was taken, ascending. The rest is cut into up to 13
    stretches of equal work; growth is the median of the differences between the medians of neighbours, with the
    distribution-free interval of a median. A leak grows in nearly every stretch; memory that is taken once, in a
    few steps, does not, however much it is. No interval where there are too few readings, or no work.
    """
    import numpy as np

    x, y = np.asarray(work, dtype=np.float64), np.asarray(readings, dtype=np.float64)
    if x.size == 0:
        return no_data(unit)
    begin, end = x[0] + SETTLING_SHARE * (x[-1] - x[0]), x[-1]
    later = (x >= begin) & (np.diff(x, prepend=x[0] - 1) > 0)
    x, y = x[later], y[later]
    stretches = min(_MOST_STRETCHES, int(x.size))
    if stretches < _LEAST_STRETCHES or not end > begin:
        note = f"{x.size} readings after the settling are too few to tell growth: put load on for longer"
        return Estimate(float("nan") if x.size < 2 else _slope(x, y), unit, int(x.size), note=note)
    cuts = np.array_split(np.arange(x.size), stretches)
    at = np.array([float(x[cut].mean()) for cut in cuts])
    level = np.array([float(np.median(y[cut])) for cut in cuts])
    steps = np.sort(np.diff(level) / np.diff(at))
    ranks = rank_bounds(steps.size, 0.5, confidence)
    return Estimate(
        value=float(np.median(steps)),
        unit=unit,
        n=int(x.size),
        low=None if ranks.low is None else float(steps[ranks.low - 1]),
        high=None if ranks.high is None else float(steps[ranks.high - 1]),
        confidence=confidence,
        method="median of differences",
    )


def _slope(x: object, y: object) -> float:
    """From the first to the last reading: for showing only."""
    import numpy as np

    work, seen = np.asarray(x), np.asarray(y)
    done = float(work[-1] - work[0])
    return float(seen[-1] - seen[0]) / done if done > 0 else float("nan")
