"""Gates as they were judged, cleaned for showing, with the room that was left."""

from __future__ import annotations

from pynomaly_itest.events import GateJudged
from pynomaly_itest.report.document import GateDocument
from pynomaly_itest.report.untrusted import clean, ends, finite, jsonable, one_line, paragraph

_OPERATORS = (" <= ", " >= ", " == ", " != ", " < ", " > ")


def gate_document(gate: GateJudged) -> GateDocument:
    """A gate; what is no finite number is null, or a word."""
    margin = margin_of(gate)
    limit = finite(gate.limit)
    share_of = limit if gate.op != "==" else None  # what has to be equal is that, or is not
    percent = None if margin is None or not share_of else round(100 * margin / abs(share_of), 3)
    return GateDocument(
        expression=one_line(gate.expression, 1000),
        measured=gate.measured and one_line(gate.measured, 300),
        verdict=gate.verdict,
        reason=paragraph(gate.reason),
        observed=jsonable(gate.observed),
        limit=jsonable(gate.limit),
        op=gate.op and clean(gate.op),
        unit=gate.unit and clean(gate.unit),
        n=gate.n,
        interval=ends(gate.interval),
        confidence=gate.confidence,
        margin=margin,
        margin_percent=percent,
        where=one_line(gate.where),
        source_line=one_line(gate.source_line, 1000),
    )


def measured_by(gate: GateJudged | GateDocument) -> str:
    """What the gate's figures are of, in one line."""
    return one_line(gate.measured, 300) if gate.measured else left_side(gate.expression)


def left_side(expression: str) -> str:
    """What stands left of the first comparison; the whole of what is none."""
    text = one_line(expression, 300)
    cut = [at for op in _OPERATORS if (at := text.find(op)) > 0]
    return text[: min(cut)] if cut else text


def observed_text(gate: GateJudged | GateDocument, shown: str) -> str:
    """What was observed as it is `shown`; with its name where that is not the expression's left side."""
    return shown if gate.measured is None else f"{measured_by(gate)}: {shown}"


def margin_of(gate: GateJudged) -> float | None:
    """The room between observed and limit in the gate's unit, negative where the limit is broken.

    None where one of the two is no finite number, or the comparison has no direction.
    """
    observed, limit = finite(gate.observed), finite(gate.limit)
    if observed is None or limit is None:
        return None
    match gate.op:
        case "<=" | "<":
            return _rounded(limit - observed)
        case ">=" | ">":
            return _rounded(observed - limit)
        case "==":
            return _rounded(-abs(observed - limit) or 0.0)
        case _:
            return None


def _rounded(margin: float) -> float | None:
    """Without the last digits, which the subtraction made up."""
    return finite(float(f"{margin:.12g}"))
