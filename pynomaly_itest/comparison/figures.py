"""The figures of a run that another run can be held against: what its gates measured, by scenario and expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pynomaly_itest.errors import ProfileError
from pynomaly_itest.events import GateJudged
from pynomaly_itest.profile.expression import Compare, Name, parse
from pynomaly_itest.report.untrusted import finite
from pynomaly_itest.results import RunResult

Kind = Literal["time", "share", "size"]
_TIMES = ("ns", "us", "µs", "ms", "s", "min", "h")
_SHARES = ("1", "%")
_LOWER_IS_WORSE = (">", ">=")


class Figure(BaseModel):
    """What a gate observed. worse: the direction of the gate's limit. interval holds the truth at `confidence`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str
    expression: str
    metric: str
    unit: str | None
    worse: Literal["higher", "lower"]
    observed: float
    interval: tuple[float | None, float | None] | None = None
    confidence: float | None = None
    n: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.scenario, self.expression

    @property
    def kind(self) -> Kind:
        """time: only measuring both in turn can tell; share: by its interval; size: as it is."""
        unit = self.unit or "1"
        if unit in _TIMES or unit.endswith("/s"):
            return "time"
        return "share" if unit in _SHARES and self.interval is not None else "size"


def figures_of(run: RunResult) -> list[Figure]:
    """Every figure of a limit with a direction, in planned order."""
    return [
        figure
        for scenario in run.scenarios
        for gate in scenario.gates
        for figure in _figure(scenario.id, gate)
    ]


def _figure(scenario: str, gate: GateJudged) -> Iterator[Figure]:
    observed = finite(gate.observed)
    metric = _measured_name(gate.expression)
    if observed is None or metric is None or gate.op not in ("<", "<=", *_LOWER_IS_WORSE):
        return
    ends = None if gate.interval is None else (finite(gate.interval[0]), finite(gate.interval[1]))
    yield Figure(
        scenario=scenario,
        expression=gate.expression,
        metric=metric,
        unit=gate.unit,
        worse="lower" if gate.op in _LOWER_IS_WORSE else "higher",
        observed=observed,
        interval=ends,
        confidence=gate.confidence,
        n=gate.n,
    )


def _measured_name(expression: str) -> str | None:
    """The name in front of the limit; None where the gate is more than one comparison, or none of a name."""
    try:
        tree = parse(expression).ast
    except ProfileError:
        return None
    match tree:
        case Compare(Name() as name, _, _):
            return name.dotted
        case Compare(_, _, Name() as name):
            return name.dotted
        case _:
            return None
