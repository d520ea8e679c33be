"""What a run is held against, cleaned for showing, and a change in words."""

from __future__ import annotations

from pynomaly_itest.events import BaselineCompared, BaselineUsed
from pynomaly_itest.report.document import BaselineDocument, ComparisonDocument
from pynomaly_itest.report.numbers import number, quantity
from pynomaly_itest.report.untrusted import ends, finite, one_line, paragraph


def baseline_document(used: BaselineUsed | None) -> BaselineDocument | None:
    """The baseline that was used, if one was."""
    if used is None:
        return None
    return BaselineDocument(
        name=one_line(used.name),
        run_id=one_line(used.run_id),
        saved_at=one_line(used.saved_at),
        version=None if used.version is None else one_line(used.version),
        build=one_line(used.build),
        note=one_line(used.note, 1000),
    )


def comparison_document(event: BaselineCompared) -> ComparisonDocument:
    """One figure against the baseline's; what is no finite number is null."""
    return ComparisonDocument(
        baseline_name=one_line(event.baseline_name),
        metric=one_line(event.metric),
        expression=one_line(event.expression, 1000),
        unit=event.unit and one_line(event.unit),
        baseline=finite(event.baseline),
        baseline_interval=ends(event.baseline_interval),
        observed=finite(event.observed),
        change=finite(event.change),
        scale=event.scale,
        interval=ends(event.interval),
        confidence=finite(event.confidence),
        ignore=finite(event.ignore),
        forbid=finite(event.forbid),
        method=one_line(event.method),
        verdict=event.verdict,
        reason=paragraph(event.reason),
    )


def change_text(compared: ComparisonDocument) -> str:
    """The change with the interval that holds it: `3.1 % worse (1 % better to 7 % worse at 95 % confidence)`."""
    if compared.change is None:
        return "–"
    text = _one_change(compared.change, compared)
    if compared.interval is None:
        return text
    low, high = compared.interval
    sure = "" if compared.confidence is None else f" at {quantity(100 * compared.confidence)} % confidence"
    match low, high:
        case None, None:
            return text
        case float(), None:
            between = f"at least {_one_change(low, compared)}"
        case None, float():
            between = f"at most {_one_change(high, compared)}"
        case _:
            between = f"{_one_change(low or 0.0, compared)} to {_one_change(high or 0.0, compared)}"
    return f"{text} ({between}{sure})"


def _one_change(change: float, compared: ComparisonDocument) -> str:
    if change == 0:
        return "the same"
    size = abs(change)
    amount = f"{number(100 * size, 3)} %" if compared.scale == "relative" else quantity(size, compared.unit)
    return f"{amount} {'worse' if change > 0 else 'better'}"


def comparison_facts(compared: ComparisonDocument) -> list[str]:
    """What a reader needs to judge it: both figures, the change, what was allowed, and how it was measured."""
    observed, baseline = (quantity(each, compared.unit) for each in (compared.observed, compared.baseline))
    facts = [f"observed {observed}, baseline {compared.baseline_name} {baseline}"]
    if compared.change is not None:
        facts.append(f"change {change_text(compared)}")
    if compared.forbid is not None:
        facts.append(f"forbidden from {_one_change(compared.forbid, compared)}")
    return [*facts, f"method {compared.method}"]
