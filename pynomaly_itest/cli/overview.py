"""The table at the end of a run: each scenario, how long it took, and its gate with the least room. 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pynomaly_itest.cli.console import COLOURS, MARKS
from pynomaly_itest.events import GateJudged
from pynomaly_itest.plain import printable
from pynomaly_itest.results import ScenarioResult
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from rich.table import Table

_MOST_ROWS = 40
_WIDEST = 100
_NARROWEST = 40


def table(scenarios: Sequence[ScenarioResult], width: int) -> Table:
    """The scenarios in planned order; of very many, those that passed are left out first."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=max(_NARROWEST, min(width, _WIDEST)))
    drawn.add_column("", width=1)
    drawn.add_column("scenario", ratio=1, no_wrap=True, overflow="ellipsis")
    drawn.add_column("time", justify="right", no_wrap=True)
    drawn.add_column("closest gate", ratio=1, no_wrap=True, overflow="ellipsis")
    drawn.add_column("observed", justify="right", no_wrap=True)
    drawn.add_column("limit", no_wrap=True)
    shown = _shown(scenarios)
    for each in shown:
        style = COLOURS[each.verdict]
        took = f"{each.duration_s:.1f} s" if each.started_s is not None else ""
        mark, gate = Text(MARKS[each.verdict], style=style), _closest(each)
        drawn.add_row(
            mark, Text(printable(each.id)), took, Text(gate.name), Text(gate.observed), Text(gate.limit)
        )
    if len(shown) < len(scenarios):
        drawn.add_row("", f"… and {len(scenarios) - len(shown)} more")
    return drawn


def _shown(scenarios: Sequence[ScenarioResult]) -> list[ScenarioResult]:
    """As many as fit, those that need looking at before those that passed or were skipped."""
    good = (Verdict.PASSED, Verdict.SKIPPED)
    by_need = sorted(range(len(scenarios)), key=lambda index: scenarios[index].verdict in good)
    return [scenarios[index] for index in sorted(by_need[:_MOST_ROWS])]


class _Closest(NamedTuple):
    name: str
    observed: str = ""
    limit: str = ""


def _closest(scenario: ScenarioResult) -> _Closest:
    """The measured gate that is nearest to its limit, or beyond it; of a skipped scenario the reason."""
    from pynomaly_itest.report.gates import measured_by
    from pynomaly_itest.report.numbers import pair

    if scenario.verdict is Verdict.SKIPPED:
        return _Closest(printable(scenario.reason or "skipped"))
    measured = [(room, gate) for gate in scenario.gates if (room := _room(gate)) is not None]
    if not measured:
        return _Closest("")
    gate = min(measured, key=lambda each: each[0])[1]
    shown = pair(gate.observed, gate.limit, gate.unit)
    return _Closest(
        printable(measured_by(gate)), printable(shown.observed), printable(f"{gate.op} {shown.limit}")
    )


def _room(gate: GateJudged) -> float | None:
    """The share of the limit that is left; None where there is no such share."""
    from pynomaly_itest.report.gates import margin_of
    from pynomaly_itest.report.untrusted import finite

    margin, limit = margin_of(gate), finite(gate.limit)
    if margin is None or not limit or gate.op == "==":
        return None
    return margin / math.fabs(limit)
