"""Where a value stands on a plot: linear and logarithmic axes with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pynomaly_itest.report.numbers import number

# Beyond it, the distance of two values may be no number.
LARGEST = 1e150


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, in the plot's units of length."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """Maps values from `low` to `high` onto lengths from `start` to `end` (either may be the greater)."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a value; values outside stand at the axis' ends."""
        inside = min(max(value, self.low), self.high)
        if self.log:
            share = (math.log(inside) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        else:
            share = (inside - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, most: int = 5) -> list[Tick]:
        """At most about `most` ticks on round values."""
        values = _log_steps(self.low, self.high, most) if self.log else _even_steps(self.low, self.high, most)
        return [Tick(self.at(value), number(value)) for value in values]


def spanning(values: Iterable[float], start: float, end: float, *, log: bool = False) -> Axis:
    """An axis on which all of the (finite) values have room; a linear one begins at zero where it can."""
    seen = list(values) or [0.0, 1.0]
    low, high = min(seen), max(seen)
    if log and low > 0 and high > low:
        return Axis(low / 1.08, high * 1.08, start, end, log=True)
    low = min(0.0, low * 1.06)
    high = max(0.0, high * 1.06)
    return Axis(low, high if high > low else low + 1.0, start, end)


def _even_steps(low: float, high: float, most: int) -> list[float]:
    step = _round_step((high - low) / max(1, most))
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [float(f"{(first + i) * step:.12g}") for i in range(max(0, count))]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _log_steps(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**decade for decade in decades for factor in factors]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= most:
            return inside
    stride = math.ceil(len(inside) / most)
    return inside[::stride]
