"""A small plot with two axes: its geometry, worked out here, drawn by the template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pynomaly_itest.report.page.axis import Axis, Tick

LEFT, RIGHT, TOP, BOTTOM = 52.0, 428.0, 14.0, 178.0


@dataclass(frozen=True)
class Line:
    """A path of the plot; `style` is its class in the style sheet."""

    style: str
    path: str


@dataclass(frozen=True)
class Mark:
    """A straight line across the plot at a value worth naming: a limit, a quantile.

    `at` is on the plot's x axis for an upright mark, on its y axis otherwise.
    """

    style: str
    at: float
    label: str
    upright: bool
    label_after: bool = True


@dataclass(frozen=True)
class Band:
    """A stretch of the x axis that belongs to a scenario."""

    x: float
    width: float
    style: str


@dataclass(frozen=True)
class Panel:
    """A plot of 440 by 216: `summary` says in words what it shows, for those who don't see it.

    `hover` tells the page's script which part of the embedded data it shows, and `scale` the x axis:
    start, end, low, high, and whether it is logarithmic.
    """

    title: str
    summary: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    x_label: str = ""
    note: str = ""
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    bands: Sequence[Band] = ()
    hover: str = ""
    scale: str = ""


@dataclass(frozen=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True)
class Curve:
    """Points joined by straight lines; paths are in whole units and relative, which halves their bytes."""

    points: list[Point] = field(default_factory=list)

    def path(self) -> str:
        """The SVG path; empty for fewer than two points."""
        if len(self.points) < 2:
            return ""
        x, y = round(self.points[0].x), round(self.points[0].y)
        path = f"M{x} {y}l"
        for point in self.points[1:]:
            step_x, step_y = round(point.x) - x, round(point.y) - y
            x, y = x + step_x, y + step_y
            path += f"{' ' if path[-1] != 'l' and step_x >= 0 else ''}{step_x}{' ' if step_y >= 0 else ''}{step_y}"
        return path

    def area(self) -> str:
        """The same closed down to the x axis."""
        if len(self.points) < 2:
            return ""
        return f"{self.path()}V{BOTTOM:g}H{round(self.points[0].x)}Z"

    def dots(self) -> str:
        """A path that a round line cap turns into a dot at each point."""
        return "".join(f"M{round(point.x)} {round(point.y)}h0" for point in self.points)


def curve(x: Axis, y: Axis, xs: Iterable[float], ys: Iterable[float | None]) -> Curve:
    """The curve through the pairs that have a y."""
    pairs = zip(xs, ys, strict=True)
    return Curve([Point(x.at(left), y.at(right)) for left, right in pairs if right is not None])


def scale_of(axis: Axis) -> str:
    """The axis in the words of the page's script."""
    return f"{axis.start:g} {axis.end:g} {axis.low:.6g} {axis.high:.6g} {'log' if axis.log else 'linear'}"
