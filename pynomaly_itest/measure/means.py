"""Means, spreads and rates with intervals that survive skewed and correlated samples.

The series is cut into blocks longer than its memory; the blocks are resampled and studentised (block
bootstrap-t: Künsch 1989, Götze & Künsch 1996), always with the same seed, so a verdict can be reproduced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.correlation import inflation
from pynomaly_itest.measure.estimate import Estimate, no_data
from pynomaly_itest.measure.samples import Samples

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

_SEED = 20_071_128
_RESAMPLES = 1_999
_MOST_BLOCKS = 400
_FEWEST_TO_RESAMPLE = 12  # with fewer blocks the studentised bootstrap is wilder than Student's t
_FEWEST_BLOCKS = 6
_MEMORIES_A_BLOCK = 4
_FEWEST_GAPS = 40
_MOST_LOGARITHM = 50.0


def mean(samples: Samples, *, confidence: float = 0.95) -> Estimate:
    """The arithmetic mean, in the samples' unit; no interval from fewer than two blocks."""
    import numpy as np

    if samples.n == 0:
        return no_data(samples.unit)
    if samples.is_folded:
        windows = [window for window in samples.windows if window.n]
        whole = samples.histogram()
        blocks = np.array([window.total / window.n for window in windows])
        return _interval(whole.total / whole.n, blocks, samples, confidence)
    values = samples.values.astype(np.float64)
    if not np.isfinite(values).all():
        return Estimate(float(values.mean()), samples.unit, samples.n, method="not finite")
    return _interval(float(values.mean()), values, samples, confidence)


def stddev(samples: Samples, *, confidence: float = 0.95) -> Estimate:
    """The standard deviation (n - 1), its interval from block means of the squared distances."""
    import numpy as np

    if samples.n < 2:
        return no_data(samples.unit) if samples.n == 0 else Estimate(float("nan"), samples.unit, 1)
    if samples.is_folded:
        whole = samples.histogram()
        variance = (whole.total_squares - whole.total**2 / whole.n) / (whole.n - 1)
        return Estimate(math.sqrt(max(0.0, variance)), samples.unit, samples.n, method="moments")
    values = samples.values.astype(np.float64)
    squares = (values - values.mean()) ** 2 * samples.n / (samples.n - 1)
    memory = inflation(values, confidence=confidence)  # the squares' own is weaker and harder to see
    inner = _interval(float(squares.mean()), squares, samples, confidence, least_memory=memory)
    root = [None if bound is None else math.sqrt(max(0.0, bound)) for bound in (inner.low, inner.high)]
    return Estimate(
        math.sqrt(inner.value),
        samples.unit,
        samples.n,
        root[0],
        root[1],
        confidence,
        inner.method,
        at_least=0.0,
    )


def rate(samples: Samples, *, confidence: float = 0.95, window_s: float = 1.0) -> Estimate:
    """Observations a second over the time observed, its interval from the counts of windows of `window_s`.

    Raises ValueError where neither times nor a duration are known.
    """
    import numpy as np

    duration_s = samples.duration_s
    if duration_s is None and samples.times_s is not None and samples.n > 1:
        duration_s = float(np.ptp(samples.times_s))
    if not duration_s:
        if samples.n == 0:
            return no_data("1/s")
        raise ValueError(f"{samples.name} has no duration: its rate is unknown")
    if samples.times_s is not None:
        return _rate_of_times(samples, duration_s, confidence, window_s)
    counts = np.array([window.n for window in samples.windows])
    each_s = duration_s / max(1, counts.size)
    return rate_of_windows(counts, each_s, n=samples.n, duration_s=duration_s, confidence=confidence)


def _rate_of_times(samples: Samples, duration_s: float, confidence: float, window_s: float) -> Estimate:
    """Its relative interval is that of the mean time between two: there are more of those than windows."""
    import numpy as np

    value = samples.n / duration_s
    gaps = np.diff(np.sort(np.asarray(samples.times_s, dtype=np.float64)))
    if gaps.size < _FEWEST_GAPS:
        windows = max(1, int(duration_s / window_s))
        counts = np.histogram(samples.times_s, bins=windows, range=(0.0, windows * window_s))[0]  # type: ignore[arg-type]
        return rate_of_windows(counts, window_s, n=samples.n, duration_s=duration_s, confidence=confidence)
    gap = _interval(float(gaps.mean()), gaps, Samples.of("gap", gaps, "s"), confidence)
    return rate_of_gaps(value, gap, "1/s", samples.n)


def rate_of_gaps(value: float, gap: Estimate, unit: str, n: int) -> Estimate:
    """A rate with the relative interval of the mean time between two, `gap`.

    A mean of times is above 0, whatever its interval by block means says: a bound that reaches 0 would leave the rate
    without an upper one. There, and a little everywhere, the distance is taken as one of logarithms.
    """
    low = high = None
    if gap.low is not None and gap.high is not None and gap.value > 0:
        low = value * gap.value / gap.high
        high = value * math.exp(min(_MOST_LOGARITHM, (gap.value - gap.low) / gap.value))
    return Estimate(value, unit, n, low, high, gap.confidence, f"{gap.method} of gaps", at_least=0.0)


def reaching(rate: Estimate, levels: Sequence[float], note: str = "") -> Estimate:
    """The estimate, its interval wide enough to hold each of these levels too: a rate that has not settled may be
    any of those that were seen. Without an interval, it gets none.
    """
    low = None if rate.low is None else min(rate.low, *levels)
    high = None if rate.high is None else max(rate.high, *levels)
    return replace(rate, low=low, high=high, note=note or rate.note)


def rate_of_windows(
    counts: npt.NDArray[Any], window_s: float, *, n: int, duration_s: float, confidence: float = 0.95
) -> Estimate:
    """n / duration_s, with an interval from the counts of consecutive windows of `window_s` seconds each."""
    import numpy as np

    value = n / duration_s
    rates = np.asarray(counts, dtype=np.float64) / window_s
    found = _interval(value, rates, Samples.of("rate", rates, "1/s"), confidence)
    low = None if found.low is None else max(0.0, found.low)
    return Estimate(value, "1/s", n, low, found.high, found.confidence, found.method, at_least=0.0)


def _interval(
    value: float, series: FloatArray, samples: Samples, confidence: float, *, least_memory: float = 1.0
) -> Estimate:
    """An interval around the mean of a series in order: from its block means, but never narrower than its
    memory allows.
    """
    import numpy as np

    values = np.asarray(series, dtype=np.float64)
    memory = max(least_memory, inflation(values, confidence=confidence))
    least_error = float(values.std()) * math.sqrt(memory / max(1, values.size)) if memory > 1 else 0.0
    return _from_blocks(value, _block_means(values, memory), samples, confidence, least_error)


def _block_means(values: FloatArray, memory: float) -> FloatArray:
    """Means of consecutive blocks of equal length, long enough to be nearly independent of each other."""
    import numpy as np

    length = math.ceil(values.size / _MOST_BLOCKS)
    if memory > 1:
        length = max(length, math.ceil(_MEMORIES_A_BLOCK * memory))
    blocks = max(min(values.size, _FEWEST_BLOCKS), values.size // max(1, length))
    return np.array([part.mean() for part in np.array_split(values, blocks)]) if blocks else np.empty(0)


def _from_blocks(
    value: float, blocks: FloatArray, samples: Samples, confidence: float, least_error: float = 0.0
) -> Estimate:
    """An interval around `value` from the spread of nearly independent block means.

    least_error: the standard error that the memory allows at least, already widened for the confidence.
    """
    import numpy as np
    from scipy.special import ndtri, stdtrit

    n, unit = samples.n, samples.unit
    if blocks.size < 2:
        return Estimate(value, unit, n, confidence=confidence, method="too few samples")
    spread = float(blocks.std(ddof=1)) / math.sqrt(blocks.size)
    error, upper_tail = max(spread, least_error), (1 + confidence) / 2
    if error <= abs(value) * 1e-15:
        return Estimate(value, unit, n, value, value, confidence, "constant")
    if blocks.size < _FEWEST_TO_RESAMPLE:  # the memory's error is not one of so few degrees
        reach = max(
            float(ndtri(upper_tail)) * least_error, float(stdtrit(blocks.size - 1, upper_tail)) * spread
        )
        return Estimate(value, unit, n, value - reach, value + reach, confidence, "student t over blocks")
    lower, upper = np.quantile(_studentised_roots(blocks), [1 - upper_tail, upper_tail])
    low, high = value - float(upper) * error, value - float(lower) * error
    return Estimate(value, unit, n, low, high, confidence, "block bootstrap-t")


def _studentised_roots(blocks: FloatArray) -> FloatArray:
    """(mean* - mean) / error* of resampled blocks; (resamples,)."""
    import numpy as np

    draw = np.random.default_rng(_SEED)
    picked = blocks[draw.integers(0, blocks.size, size=(_RESAMPLES, blocks.size))]
    errors = picked.std(axis=1, ddof=1) / math.sqrt(blocks.size)
    usable = errors > 0
    roots: FloatArray = (picked.mean(axis=1)[usable] - blocks.mean()) / errors[usable]
    return roots
