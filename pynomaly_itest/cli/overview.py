"""The table at the end of a run: each scenario, how long it took, and the gate that it is about. 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pynomaly_itest.cli.console import COLOURS, MARKS
from pynomaly_itest.cli.names import shortened
from pynomaly_itest.events import GateJudged
from pynomaly_itest.plain import printable
from pynomaly_itest.results import ScenarioResult
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from rich.table import Table

_MOST_ROWS = 40
_WIDEST = 100
_NARROWEST = 40
_MARK = max(map(len, MARKS.values()))
_GAPS = 10 + _MARK
_NARROWEST_GATE = 18
_ALMOST_BROKEN, _MUCH_CLOSER = 0.2, 4.0


def table(scenarios: Sequence[ScenarioResult], width: int) -> Table:
    """The scenarios in planned order; of very many, those that passed are left out first."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=max(_NARROWEST, min(width, _WIDEST)))
    drawn.add_column("", width=_MARK)
    drawn.add_column("scenario", ratio=1, no_wrap=True, overflow="ellipsis")
    drawn.add_column("time", justify="right", no_wrap=True)
    drawn.add_column("gate", no_wrap=True, overflow="ellipsis")
    drawn.add_column("observed", justify="right", no_wrap=True)
    drawn.add_column("limit", no_wrap=True)
    shown = _shown(scenarios)
    gates = [_of_concern(each) for each in shown]
    times = [f"{each.duration_s:.1f} s" if each.started_s is not None else "" for each in shown]
    ids, names = _fitted(shown, gates, times, drawn.width or width)
    for each, called, took, name, gate in zip(shown, ids, times, names, gates, strict=True):
        mark = Text(MARKS[each.verdict], style=COLOURS[each.verdict])
        drawn.add_row(mark, Text(called), took, Text(name), Text(gate.observed), Text(gate.limit))
    if len(shown) < len(scenarios):
        drawn.add_row("", f"… and {len(scenarios) - len(shown)} more")
    return drawn


def _shown(scenarios: Sequence[ScenarioResult]) -> list[ScenarioResult]:
    """As many as fit, those that need looking at before those that passed or were skipped."""
    good = (Verdict.PASSED, Verdict.SKIPPED)
    by_need = sorted(range(len(scenarios)), key=lambda index: scenarios[index].verdict in good)
    return [scenarios[index] for index in sorted(by_need[:_MOST_ROWS])]


class _Shown(NamedTuple):
    name: str
    observed: str = ""
    limit: str = ""


def _fitted(
    shown: Sequence[ScenarioResult], gates: Sequence[_Shown], times: Sequence[str], width: int
) -> tuple[list[str], list[str]]:
    """The scenarios' and the gates' names, cut so that the rows fit and differ; what is measured is never cut."""
    taken = _GAPS + sum(
        max((len(text) for text in column), default=0)
        for column in (
            [*times, "time"],
            ["observed", *(gate.observed for gate in gates)],
            ["limit", *(gate.limit for gate in gates)],
        )
    )
    room = max(2 * _NARROWEST_GATE, width - taken)
    ids = [printable(each.id) for each in shown]
    longest = max((len(gate.name) for gate in gates if gate.limit), default=0)
    for_ids = max(map(len, ids), default=0)
    for_gates = min(longest, max(_NARROWEST_GATE, room - for_ids))
    return shortened(ids, room - for_gates), [_end_of(gate, for_gates) for gate in gates]


def _end_of(gate: _Shown, width: int) -> str:
    """A gate's name loses its beginning: what is measured stands at its end. A reason loses its end."""
    width = max(width, _NARROWEST_GATE)
    if len(gate.name) <= width:
        return gate.name
    return f"…{gate.name[1 - width :]}" if gate.limit else f"{gate.name[: width - 1]}…"


def _of_concern(scenario: ScenarioResult) -> _Shown:
    """The gate that the scenario is about; of a skipped scenario the reason."""
    from pynomaly_itest.report.gates import measured_by
    from pynomaly_itest.report.numbers import pair

    if scenario.verdict is Verdict.SKIPPED:
        return _Shown(printable(scenario.reason or "skipped"))
    gate = _chosen(scenario)
    if gate is None:  # of checks that were in part not made, what its verdict rests on
        return _Shown(printable((scenario.reason or "") if scenario.verdict is Verdict.PASSED else ""))
    shown = pair(gate.observed, gate.limit, gate.unit)
    return _Shown(
        printable(measured_by(gate)), printable(shown.observed), printable(f"{gate.op} {shown.limit}")
    )


def _chosen(scenario: ScenarioResult) -> GateJudged | None:
    """What did not pass, the nearest first; else the first gate that the scenario lists, unless another has almost
    broken and this one is far from it; where it lists none, the expectation of a step with the least room."""
    told = [gate for gate in scenario.gates if gate.observed is not None and gate.op is not None]
    for verdict in (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE):
        if bad := [gate for gate in told if gate.verdict is verdict]:
            return min(bad, key=_room_or_none_left)
    measured = [gate for gate in told if _room(gate) is not None]
    nearest = min(measured, key=_room_or_none_left, default=None)
    own = next((gate for gate in told if gate.step is None), None)
    if own is None or nearest is None:
        return own or nearest
    room, left = _room(own), _room_or_none_left(nearest)
    much_closer = left < _ALMOST_BROKEN and (room is None or room > _MUCH_CLOSER * left)
    return nearest if much_closer else own


def _room_or_none_left(gate: GateJudged) -> float:
    room = _room(gate)
    return 0.0 if room is None else room


def _room(gate: GateJudged) -> float | None:
    """The share of the limit that is left; None where there is no such share."""
    from pynomaly_itest.report.gates import margin_of
    from pynomaly_itest.report.untrusted import finite

    margin, limit = margin_of(gate), finite(gate.limit)
    if margin is None or not limit or gate.op == "==":
        return None
    return margin / math.fabs(limit)
