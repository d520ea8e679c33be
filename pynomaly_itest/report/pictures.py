"""The pictures that steps leave in the log, cleaned for the document: finite numbers, texts of one line."""

from __future__ import annotations

from pynomaly_itest.events import CurvesRecorded, FaultInjected
from pynomaly_itest.report.document import CurvesDocument, MarkDocument
from pynomaly_itest.report.untrusted import finite, one_line

_MOST_POINTS = 1000
_MOST_CURVES = 6


def curves_of(event: CurvesRecorded) -> CurvesDocument:
    """One picture. Points without a place are left out, values that are no number are gaps."""
    kept = [(number, x) for number, x in enumerate(event.x[:_MOST_POINTS]) if finite(x) is not None]
    named = list(event.y.items())[:_MOST_CURVES]
    return CurvesDocument(
        name=one_line(event.name),
        title=one_line(event.title),
        x_label=one_line(event.x_label),
        y_label=one_line(event.y_label),
        x=[_short(x) for _, x in kept],
        y={one_line(name): [_value(values, number) for number, _ in kept] for name, values in named},
        limits=_finite(event.limits),
        places=_finite(event.places),
        started_s=finite(event.started_s),
    )


def mark_of(event: FaultInjected) -> MarkDocument:
    """What was broken, and when."""
    started_s = finite(event.started_s) or 0.0
    ended_s = max(started_s, finite(event.ended_s) or started_s)
    return MarkDocument(name=one_line(event.name), started_s=round(started_s, 3), ended_s=round(ended_s, 3))


def _value(values: tuple[float | None, ...], number: int) -> float | None:
    value = finite(values[number]) if number < len(values) else None
    return None if value is None else _short(value)


def _finite(named: dict[str, float]) -> dict[str, float]:
    return {one_line(name): _short(value) for name, value in named.items() if finite(value) is not None}


def _short(value: float) -> float:
    return float(f"{value:.6g}")
