"""What a reader wants to see drawn: a few curves over one axis, with the limits that they are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_POINTS = 240


@dataclass(frozen=True)
class Curves:
    """Curves that share an x axis; `y` has one value (or None) for each of `x`, by the curve's name.

    limits: values worth a line across, by label; places: the same on the x axis.
    begun_ago_s: for an x axis in seconds, how long ago its zero was when the step ended; None for any other axis.
    """

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    y: Mapping[str, Sequence[float | None]]
    limits: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, float] = field(default_factory=dict)
    begun_ago_s: float | None = None


def thinned(values: Sequence[float]) -> list[float | None]:
    """At most 240 values, each the mean of its neighbours; None where none of them is a number."""
    size = math.ceil(len(values) / MOST_POINTS) or 1
    groups = ([v for v in values[i : i + size] if math.isfinite(v)] for i in range(0, len(values), size))
    return [sum(group) / len(group) if group else None for group in groups]
