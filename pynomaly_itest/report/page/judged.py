"""Gates, and figures held against a baseline, in words and as charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.report.baselines import change_text
from pynomaly_itest.report.document import ComparisonDocument, GateDocument
from pynomaly_itest.report.gates import observed_text
from pynomaly_itest.report.numbers import pair, quantity
from pynomaly_itest.report.page.bullet import Bullet, bullet
from pynomaly_itest.report.plain import interval_text, margin_text
from pynomaly_itest.verdicts import Verdict


@dataclass(frozen=True)
class GateView:
    gate: GateDocument
    observed: str
    limit: str
    margin: str
    interval: str
    n: str
    bullet: Bullet | None
    baseline: str = ""


@dataclass(frozen=True)
class ComparisonView:
    """A figure against the baseline's, in words."""

    compared: ComparisonDocument
    baseline: str
    observed: str
    change: str
    judged: str


def gate_view(gate: GateDocument, compared: Sequence[ComparisonDocument] = ()) -> GateView:
    """A gate as it is shown, with the baseline's figure where one of `compared` is of the same expression."""
    held = next((each for each in compared if each.expression == gate.expression), None)
    shown = pair(gate.observed, gate.limit, gate.unit)
    return GateView(
        gate=gate,
        observed=observed_text(gate, shown.observed),
        limit=f"{_OPERATORS.get(gate.op or '', gate.op or '')} {shown.limit}".strip(),
        margin=margin_text(gate),
        interval=interval_text(gate),
        n="–" if gate.n is None else f"{gate.n:,}",
        bullet=bullet(gate, held.baseline if held else None),
        baseline=_baseline(held) if held else "",
    )


def _baseline(held: ComparisonDocument) -> str:
    shown = f"baseline {held.baseline_name} {quantity(held.baseline, held.unit)}"
    return shown if held.change is None else f"{shown}: {change_text(held)}"


def comparison_view(compared: ComparisonDocument) -> ComparisonView:
    """A figure against the baseline's as it is shown."""
    return ComparisonView(
        compared=compared,
        baseline=quantity(compared.baseline, compared.unit),
        observed=quantity(compared.observed, compared.unit),
        change=change_text(compared),
        judged="not judged" if compared.verdict is Verdict.SKIPPED else compared.verdict.value,
    )


_OPERATORS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
