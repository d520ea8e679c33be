"""Two runs held against each other by what they recorded: shares by their intervals, sizes as they are, times not.

Times of two runs differ by 22 to 46 % with the same code (the machine, its neighbours, the memory's layout), and no
calibration saves them: they are shown, and judged only where the user insists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pynomaly_itest.comparison.figures import Figure
from pynomaly_itest.measure import Estimate, Tolerance
from pynomaly_itest.verdicts import Verdict

SHARES = Tolerance(0.01, 0.05)
"""Differences of accuracy and the like, absolute."""
SIZES = Tolerance(0.02, 0.10)
"""Relative changes of memory and counts."""
TIMES = Tolerance(0.10, 0.50)
"""Relative changes of times and rates, where the user insists."""

REFUSED = (
    "stored times are no evidence: two runs of the same code differ by 22 to 46 %. `compare` measures both in turn; "
    "--allow-stored-latency judges them all the same"
)


@dataclass(frozen=True)
class Difference:
    """A change for the worse and what is concluded from it; `scale` absolute: in the figure's unit."""

    change: float | None
    scale: Literal["relative", "absolute"]
    low: float | None
    high: float | None
    tolerance: Tolerance | None
    method: str
    verdict: Verdict
    reason: str


def difference(
    base: Figure, new: Figure, *, allow_stored_latency: bool = False, paired: Estimate | None = None
) -> Difference:
    """How much worse `new` is than `base`, and whether that matters.

    paired: how much higher the figure is than it was, where that is known from the same rows.
    """
    if (base.unit or "1") != (new.unit or "1"):
        reason = f"the unit was {base.unit}, it is {new.unit}"
        return Difference(None, "relative", None, None, None, "stored", Verdict.INCONCLUSIVE, reason)
    if paired is not None and paired.low is not None and paired.high is not None:
        return _of_rows(new, paired.value, paired.low, paired.high)
    if new.kind == "share" and base.interval is not None:
        return _of_shares(base, new)
    if new.kind == "time":
        return _of_times(base, new, judged=allow_stored_latency)
    return _of_sizes(base, new)


def _of_shares(base: Figure, new: Figure) -> Difference:
    """The interval of a difference from those of its parts (Zou & Donner 2008, MOVER): wider than need be where the
    rows are the same."""
    sign = 1.0 if new.worse == "higher" else -1.0
    change = sign * (new.observed - base.observed)
    below, above = _reach(new, base) if sign > 0 else _reach(base, new)
    low = None if below is None else change - below
    high = None if above is None else change + above
    tolerance = SHARES if (new.unit or "1") == "1" else Tolerance(SHARES.ignore * 100, SHARES.forbid * 100)
    verdict = verdict_of(low, high, tolerance)
    return Difference(
        change, "absolute", low, high, tolerance, "stored", verdict, _told(verdict, tolerance, "")
    )


def _of_rows(new: Figure, higher_by: float, low: float, high: float) -> Difference:
    change, low, high = (
        (higher_by, low, high) if new.worse == "higher" else (0.0 - higher_by, 0.0 - high, 0.0 - low)
    )
    verdict = verdict_of(low, high, SHARES)
    return Difference(
        change, "absolute", low, high, SHARES, "paired rows", verdict, _told(verdict, SHARES, "")
    )


def _reach(one: Figure, less: Figure) -> tuple[float | None, float | None]:
    """How far below and above its value the difference `one - less` may truly lie."""
    low_1, high_1 = one.interval or (None, None)
    low_2, high_2 = less.interval or (None, None)
    below = above = None
    if low_1 is not None and high_2 is not None:
        below = math.hypot(one.observed - low_1, high_2 - less.observed)
    if high_1 is not None and low_2 is not None:
        above = math.hypot(high_1 - one.observed, less.observed - low_2)
    return below, above


def _of_sizes(base: Figure, new: Figure) -> Difference:
    """Figures that were counted rather than sampled: compared as they are."""
    if base.observed == new.observed:
        return Difference(0.0, "relative", 0.0, 0.0, SIZES, "stored", Verdict.PASSED, "the same")
    if base.observed <= 0 or new.observed < 0:
        reason = f"no change of {base.observed:g} can be told as a share"
        return Difference(None, "relative", None, None, SIZES, "stored", Verdict.SKIPPED, reason)
    ratio = new.observed / base.observed
    change = ratio - 1 if new.worse == "higher" else 1 - ratio
    verdict = Verdict.FAILED if change >= SIZES.forbid else Verdict.PASSED
    return Difference(change, "relative", None, None, SIZES, "stored", verdict, _told(verdict, SIZES, " %"))


def _of_times(base: Figure, new: Figure, *, judged: bool) -> Difference:
    change = None
    if base.observed > 0 and new.observed > 0:
        ratio = new.observed / base.observed
        change = ratio - 1 if new.worse == "higher" else 1 / ratio - 1
    if not judged:
        return Difference(change, "relative", None, None, None, "stored", Verdict.SKIPPED, REFUSED)
    if change is None:
        reason = "a time of 0 can't be compared"
        return Difference(None, "relative", None, None, TIMES, "stored latency", Verdict.INCONCLUSIVE, reason)
    low, high = _time_bounds(base, new)
    verdict = verdict_of(low, high, TIMES)
    told = f"{_told(verdict, TIMES, ' %')}; by stored times, whose own noise no interval knows"
    return Difference(change, "relative", low, high, TIMES, "stored latency", verdict, told)


def _time_bounds(base: Figure, new: Figure) -> tuple[float | None, float | None]:
    """Of the ratio, from both intervals on the scale of logarithms."""
    if base.interval is None or new.interval is None:
        return None, None
    ends = [*base.interval, *new.interval]
    if any(end is None or end <= 0 for end in ends):
        return None, None
    low_1, high_1, low_2, high_2 = (math.log(end) for end in ends if end is not None)
    one, other = math.log(base.observed), math.log(new.observed)
    value = other - one
    below, above = math.hypot(other - low_2, high_1 - one), math.hypot(high_2 - other, one - low_1)
    if new.worse == "lower":
        value, below, above = -value, above, below
    return math.expm1(value - below), math.expm1(value + above)


def verdict_of(low: float | None, high: float | None, tolerance: Tolerance) -> Verdict:
    """Passed if the change is surely under `forbid` (asked first), failed if surely over `ignore`."""
    if high is not None and high < tolerance.forbid:
        return Verdict.PASSED
    if low is not None and low > tolerance.ignore:
        return Verdict.FAILED
    return Verdict.INCONCLUSIVE


def _told(verdict: Verdict, tolerance: Tolerance, percent: str) -> str:
    factor = 100 if percent else 1
    ignore, forbid = f"{tolerance.ignore * factor:g}{percent}", f"{tolerance.forbid * factor:g}{percent}"
    match verdict:
        case Verdict.PASSED:
            return f"less than {forbid} worse"
        case Verdict.FAILED:
            return f"more than {ignore} worse, {forbid} is not ruled out"
        case _:
            return f"neither under {forbid} nor over {ignore} worse for sure"
