"""A gate as a bullet chart: what was observed, how sure that is, and the side of the limit that is forbidden."""

from __future__ import annotations

from dataclasses import dataclass

from pynomaly_itest.report.document import GateDocument
from pynomaly_itest.report.page.axis import LARGEST, Axis, spanning
from pynomaly_itest.report.untrusted import finite

WIDTH = 300.0
_EDGE = 6.0
_LOG_FROM_RATIO = 40.0


@dataclass(frozen=True)
class Bar:
    """A stretch of a chart's width."""

    x: float
    width: float


@dataclass(frozen=True)
class Bullet:
    """Lengths from 0 to 300; `forbidden` is where the gate fails, `interval` where the true value is held.

    `baseline`: what the baseline has, where the run is held against one.
    """

    observed: float
    limit: float
    forbidden: Bar | None
    interval: Bar | None
    log: bool
    baseline: float | None = None


def bullet(gate: GateDocument, baseline: float | None = None) -> Bullet | None:
    """The chart of a gate, or None where observed or limit is no number that can be drawn."""
    observed, limit = finite(gate.observed), finite(gate.limit)
    if observed is None or limit is None:
        return None
    ends = [end for end in (*(gate.interval or ()), baseline) if end is not None]
    if max(map(abs, [observed, limit, *ends])) > LARGEST:
        return None
    axis = _axis([observed, limit, *ends], gate.unit)
    return Bullet(
        observed=axis.at(observed),
        limit=axis.at(limit),
        forbidden=_forbidden(gate.op, axis.at(limit)),
        interval=_interval(gate, axis),
        log=axis.log,
        baseline=None if baseline is None else axis.at(baseline),
    )


def _axis(values: list[float], unit: str | None) -> Axis:
    low, high = min(values), max(values)
    if low > 1 / LARGEST and high / low > _LOG_FROM_RATIO:
        return Axis(low / 1.5, high * 1.5, _EDGE, WIDTH - _EDGE, log=True)
    if unit == "1" and low >= 0 and 0.2 < high <= 1:
        return Axis(0.0, 1.0, _EDGE, WIDTH - _EDGE)
    return spanning([low, high * 1.12 if high > 0 else high], _EDGE, WIDTH - _EDGE)


def _forbidden(op: str | None, limit: float) -> Bar | None:
    if op in {"<=", "<", "=="} and limit < WIDTH:
        return Bar(limit, round(WIDTH - limit, 1))
    if op in {">=", ">"} and limit > 0:
        return Bar(0.0, limit)
    return None


def _interval(gate: GateDocument, axis: Axis) -> Bar | None:
    """An open end reaches the chart's edge."""
    if gate.interval is None or gate.interval == (None, None):
        return None
    low, high = gate.interval
    start = 0.0 if low is None else axis.at(low)
    end = WIDTH if high is None else axis.at(high)
    return Bar(start, max(1.5, round(end - start, 1)))
