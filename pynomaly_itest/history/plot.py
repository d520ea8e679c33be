"""A trend as a plot: a dot a run, the limit where it is near, a line where the level changed. Geometry only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pynomaly_itest.history.past import Figure, PastRun
from pynomaly_itest.history.trend import Change, Trend
from pynomaly_itest.report.numbers import percent, quantity
from pynomaly_itest.report.page.axis import LARGEST, Axis, Tick
from pynomaly_itest.report.page.panel import BOTTOM, LEFT, RIGHT, TOP, Line, Mark, curve
from pynomaly_itest.report.page.view import when

_NEAR = 3.0
_OPERATORS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
_LOG_FROM_RATIO = 40.0


@dataclass(frozen=True)
class Dot:
    """A run's figure: where it stands, what it says, and where its page is."""

    x: float
    y: float
    style: str
    said: str
    href: str


@dataclass(frozen=True)
class TrendView:
    """`note`: what the plot can't show. `rows`: the same figures as a table."""

    scenario: str
    name: str
    latest: str
    limit: str
    note: str
    said: str
    lines: Sequence[Line]
    whiskers: str
    dots: Sequence[Dot]
    marks: Sequence[Mark]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]


def trend_view(trend: Trend, runs: Sequence[PastRun]) -> TrendView | None:
    """The plot of a trend over these runs, one for each of its figures; None where a figure is too large to draw."""
    known = [(place, figure) for place, figure in enumerate(trend.figures) if figure is not None]
    if max(abs(figure.value) for _, figure in known) > LARGEST:
        return None
    latest = trend.latest
    values = [None if figure is None else figure.value for figure in trend.figures]
    x = Axis(0.0, float(max(1, len(runs) - 1)), LEFT + 8, RIGHT - 8)
    near = latest.limit is not None and _is_near(latest.limit, [figure.value for _, figure in known])
    y = _values_axis([figure for _, figure in known], latest.limit if near else None)
    marks = (
        [Mark("limit", y.at(latest.limit), "limit", upright=False)]
        if near and latest.limit is not None
        else []
    )
    return TrendView(
        scenario=trend.key.scenario,
        name=trend.key.name,
        latest=quantity(latest.value, latest.unit),
        limit=limit_text(latest),
        note=_note(trend, near=near),
        said=_said(trend),
        lines=[
            Line(
                "curve",
                curve(x, y, map(float, range(len(runs))), values).path(),
            )
        ],
        whiskers="".join(_whisker(x.at(place), figure, y) for place, figure in known),
        dots=[_dot(x.at(place), figure, y, runs[place]) for place, figure in known],
        marks=[
            *marks,
            *(Mark("change", x.at(change.at - 0.5), "", upright=True) for change in trend.changes),
        ],
        x_ticks=[Tick(x.at(place), _day(runs[place])) for place in _few(len(runs))],
        y_ticks=y.ticks(),
    )


def _is_near(limit: float, values: Sequence[float]) -> bool:
    """Whether the limit fits on the plot without flattening the rest."""
    low, high = min(values), max(values)
    if limit == 0 or low <= limit <= high:
        return True
    return any(value and 1 / _NEAR <= limit / value <= _NEAR for value in (low, high))


def _values_axis(figures: Sequence[Figure], limit: float | None) -> Axis:
    values = [figure.value for figure in figures] + ([] if limit is None else [limit])
    ends = [end for figure in figures for end in figure.interval or () if end is not None]
    low, high = min(values), max(values)
    near = [end for end in ends if low - (high - low) <= end <= high + (high - low)]
    low, high = min([low, *near]), max([high, *near])
    if low > 1 / LARGEST and high / low > _LOG_FROM_RATIO:
        return Axis(low / 1.1, high * 1.1, BOTTOM, TOP, log=True)
    room = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    return Axis(0.0 if low >= 0 and low < 2 * room else low - room, high + room, BOTTOM, TOP)


def _whisker(x: float, figure: Figure, y: Axis) -> str:
    """The interval as an upright line; an open end reaches the plot's edge."""
    if figure.interval is None or figure.interval == (None, None):
        return ""
    low, high = figure.interval
    bottom = BOTTOM if low is None or not math.isfinite(low) else y.at(low)
    top = TOP if high is None or not math.isfinite(high) else y.at(high)
    return f"M{x:g} {bottom:g}V{top:g}"


def _dot(x: float, figure: Figure, y: Axis, run: PastRun) -> Dot:
    judged = f", {figure.verdict}" if figure.verdict is not None else ""
    said = f"{when(run.started_at)}: {quantity(figure.value, figure.unit)}{judged}"
    return Dot(x, y.at(figure.value), str(figure.verdict or "plain"), said, report_address(run))


def limit_text(figure: Figure) -> str:
    """The limit with its comparison; nothing where no gate sets one."""
    if figure.limit is None:
        return ""
    return f"{_OPERATORS.get(figure.op or '', figure.op or '')} {quantity(figure.limit, figure.unit)}".strip()


def report_address(run: PastRun) -> str:
    """Where the page of a run is."""
    return f"/runs/{quote(run.name, safe='')}/{'live' if run.state == 'running' else 'report.html'}"


def _note(trend: Trend, *, near: bool) -> str:
    latest = trend.latest
    parts = [change_in_words(change, latest.unit) for change in trend.changes]
    if latest.limit is not None and not near:
        where = "above" if latest.limit > latest.value else "below"
        parts.append(f"the limit lies {where} the plot")
    return "; ".join(parts)


def change_in_words(change: Change, unit: str | None) -> str:
    """A change of level as a sentence's part."""
    by = "" if change.relative is None else f" ({percent(100 * change.relative)})"
    judged = {True: "worse: ", False: "better: ", None: ""}[change.worse]
    return f"{judged}from {quantity(change.before, unit)} to {quantity(change.after, unit)}{by}"


def _said(trend: Trend) -> str:
    count = sum(figure is not None for figure in trend.figures)
    latest = trend.latest
    return f"{trend.key.name} over {count} runs, at last {quantity(latest.value, latest.unit)}"


def _day(run: PastRun) -> str:
    """Month and day: the years of a history are seldom in doubt."""
    return run.started_at[5:10] if len(run.started_at) >= 10 else ""


def _few(count: int) -> list[int]:
    """At most five places, the first and the last among them."""
    if count <= 5:
        return list(range(count))
    return sorted({round(share * (count - 1) / 4) for share in range(5)})
