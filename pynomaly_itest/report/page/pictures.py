"""The pictures of a scenario's steps as plots: load over time, what was broken meanwhile, capacity by rate."""

from __future__ import annotations

from collections.abc import Sequence

from pynomaly_itest.report.document import CurvesDocument, MarkDocument, ScenarioDocument
from pynomaly_itest.report.numbers import quantity
from pynomaly_itest.report.page.axis import LARGEST, Axis, spanning
from pynomaly_itest.report.page.panel import BOTTOM, LEFT, RIGHT, TOP, Band, Line, Mark, Panel, curve

_STYLES = ("curve", "high", "highest", "bad")
_NAMED = ("line", "dashes", "dots", "red")
_FEWEST = 3
MOST = 24
"""Panels of one scenario: enough for twelve loads."""


def panels(scenario: ScenarioDocument, most: int = MOST) -> list[Panel]:
    """At most `most` plots of a scenario's pictures, in the order in which its steps made them."""
    drawn = [picture for picture in scenario.curves if _can_be_drawn(picture)]
    return [_picture(picture, scenario.marks) for picture in drawn[:most]]


def _can_be_drawn(picture: CurvesDocument) -> bool:
    numbers = [*picture.x, *_values(picture), *picture.limits.values(), *picture.places.values()]
    return len(picture.x) >= _FEWEST and bool(_values(picture)) and max(map(abs, numbers)) < LARGEST


def _values(picture: CurvesDocument) -> list[float]:
    return [value for values in picture.y.values() for value in values if value is not None]


def _picture(picture: CurvesDocument, marks: Sequence[MarkDocument]) -> Panel:
    x = _x_axis(picture)
    values = _values(picture)
    log = picture.y_label in ("ms", "s") and min(values) > 0 and max(values) > 20 * min(values)
    y = spanning([*values, *picture.limits.values()], BOTTOM, TOP, log=log)
    drawn = [curve(x, y, picture.x, seen) for seen in picture.y.values()]
    lines = [
        Line(style, line.path()) for style, line in zip(_STYLES, drawn, strict=False) if len(line.points) > 1
    ]
    if picture.started_s is None:
        lines.append(Line("dots", drawn[0].dots()))
    limits = [Mark("limit", y.at(limit), name, upright=False) for name, limit in picture.limits.items()]
    places = [Mark("quantile", x.at(place), name, upright=True) for name, place in picture.places.items()]
    return Panel(
        title=picture.title,
        note=", ".join(f"{how} {name}" for how, name in zip(_NAMED, picture.y, strict=False)),
        summary=f"{picture.title}: {', '.join(picture.y)}; at most {quantity(max(values), picture.y_label or None)}",
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(),
        x_label=picture.x_label,
        lines=lines,
        marks=[*limits, *places, *_mark_lines(picture, marks, x)],
        bands=_bands(picture, marks, x),
    )


def _x_axis(picture: CurvesDocument) -> Axis:
    low, high = min(picture.x), max(picture.x)
    if picture.started_s is None and low > 0:
        return spanning([low, high], LEFT, RIGHT, log=high > 4 * low)
    return Axis(low, high if high > low else low + 1.0, LEFT, RIGHT)


def _within(picture: CurvesDocument, marks: Sequence[MarkDocument]) -> list[tuple[float, float, str]]:
    """What was broken while the picture was taken: from, to (in its own seconds), name."""
    if picture.started_s is None:
        return []
    zero, first, last = picture.started_s, min(picture.x), max(picture.x)
    spans = [(mark.started_s - zero, mark.ended_s - zero, mark.name) for mark in marks]
    return [(begin, end, name) for begin, end, name in spans if end >= first and begin <= last]


def _bands(picture: CurvesDocument, marks: Sequence[MarkDocument], x: Axis) -> list[Band]:
    spans = [(x.at(begin), x.at(end)) for begin, end, _ in _within(picture, marks)]
    return [Band(left, max(1.0, round(right - left, 1)), "failed") for left, right in spans]


def _mark_lines(picture: CurvesDocument, marks: Sequence[MarkDocument], x: Axis) -> list[Mark]:
    return [Mark("quantile", x.at(begin), name, upright=True) for begin, _, name in _within(picture, marks)]
