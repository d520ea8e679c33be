"""A measured number together with how sure it is: the only thing a gate ever looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pynomaly_itest.measure.samples import Samples


@dataclass(frozen=True)
class Doubt:
    """Why a value may not be what it should, and on which side of the truth it then lies.

    high: what was measured is too high if anything (a late generator adds to latencies), so a limit that it keeps
    is kept, and one that it breaks may not be broken. low: the other way round. either: nothing is to be concluded.
    without: the same `Samples` without what makes them doubtful: a limit that even they break is broken.
    """

    reason: str
    side: Literal["high", "low", "either"] = "either"
    without: Samples | None = None


@dataclass(frozen=True)
class Estimate:
    """One value of one statistic, with its interval.

    low, high: bounds of the interval at `confidence`; None where the samples are too few to give that bound.
    exact: nothing was inferred (a count, a status, the greatest of all that was seen); has no interval.
    n: observations behind it. n_effective: what they are worth, where they are correlated.
    least_n: with fewer observations than this no limit is ever certified.
    at_least, at_most: the range the quantity can take at all (0 and 1 for a proportion).
    note: why there is no interval, where that needs saying ("not in a steady state: …").
    doubt: why no verdict against the target should rest on it, where there is a reason.
    """

    value: float
    unit: str
    n: int
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    method: str = "exact"
    exact: bool = False
    n_effective: float | None = None
    least_n: int = 1
    at_least: float = float("-inf")
    at_most: float = float("inf")
    note: str = ""
    doubt: Doubt | None = None


def exact(value: float, unit: str = "1", n: int = 1) -> Estimate:
    """A value without sampling error, known from `n` observations."""
    return Estimate(float(value), unit, n, exact=True)


def no_data(unit: str) -> Estimate:
    """What there is to say about nothing: NaN, from no observation."""
    return Estimate(float("nan"), unit, 0, method="no samples")


@dataclass(frozen=True)
class Absence:
    """Stands where something could not be measured; `reason` says why (no /metrics, a process that isn't ours)."""

    reason: str
