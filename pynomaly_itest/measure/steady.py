"""Steady state: throughput is judged only where it has settled, on what was measured after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WINDOWS = 3
TOLERANCE = 0.10


@dataclass(frozen=True)
class Steadiness:
    """Whether the last windows agree, by how much they differ (range over mean), and at which level (mean)."""

    steady: bool
    spread: float
    level: float
    reason: str


def steadiness(windows: Sequence[float], *, last: int = WINDOWS, tolerance: float = TOLERANCE) -> Steadiness:
    """Judge the values of consecutive windows (rates, or latencies) by the last few of them.

    Steady if those differ by at most `tolerance` of their mean. Too few windows are not steady.
    Where the values are counts of random arrivals, the caller allows for their chance in `tolerance`.
    """
    if len(windows) < last:
        nan = float("nan")
        return Steadiness(False, nan, nan, f"{len(windows)} windows, {last} are needed to see a steady state")
    tail = list(windows)[-last:]
    centre = sum(tail) / last
    if not centre > 0:
        return Steadiness(False, float("nan"), centre, "nothing went through in the last windows")
    spread = (max(tail) - min(tail)) / centre
    steady = spread <= tolerance
    return Steadiness(steady, spread, centre, f"the last {last} windows differ by {spread * 100:.1f} %")
