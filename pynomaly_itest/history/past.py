"""A run among others: as much of it as a list, a trend or a comparison shows, read from its log."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pynomaly_itest.events import GateJudged, MetricRecorded
from pynomaly_itest.report.gates import measured_by
from pynomaly_itest.report.summarise import quantile
from pynomaly_itest.report.untrusted import clean, finite, one_line
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

State = Literal["running", "ended", "stopped"]
"""`stopped`: killed, interrupted or given up; `running`: its process still holds the log."""

_SHOWN_QUANTILES = (("p50", 0.5), ("p95", 0.95))
_FEWEST_VALUES = 20


class Key(NamedTuple):
    """Which figure: of which scenario, under which name (`detect.latency_ms.p95`)."""

    scenario: str
    name: str


@dataclass(frozen=True)
class Figure:
    """One number of a run. `limit` and `op` are those of the gate that judged it; None where none did."""

    value: float
    unit: str | None = None
    op: str | None = None
    limit: float | None = None
    verdict: Verdict | None = None
    interval: tuple[float | None, float | None] | None = None
    n: int | None = None


@dataclass(frozen=True)
class PastScenario:
    id: str
    verdict: Verdict
    duration_s: float
    reason: str | None


@dataclass(frozen=True)
class PastRun:
    """`name` is its folder's; all texts are free of control characters. `commit`: of the target's build where that is
    known, else what was checked out where the run was started."""

    name: str
    folder: Path
    state: State
    profile: str
    target_kind: str
    target_url: str
    version: str
    commit: str
    started_at: str
    duration_s: float
    verdict: Verdict
    exit_code: int
    scenarios: tuple[PastScenario, ...]
    figures: Mapping[Key, Figure] = field(default_factory=dict)

    @property
    def group(self) -> tuple[str, str]:
        """Profile and target: only runs that have both in common have a trend together."""
        return self.profile, self.target_url if self.target_kind == "url" else self.target_kind

    def count(self, verdict: Verdict) -> int:
        return sum(scenario.verdict is verdict for scenario in self.scenarios)


def past_run(run: RunResult, folder: Path, *, running: bool) -> PastRun:
    """What is shown of a run; `running`: whether its process is still at it."""
    started = run.started
    return PastRun(
        name=one_line(folder.name),
        folder=folder,
        state="running" if running else "ended" if run.complete else "stopped",
        profile=one_line(started.profile),
        target_kind=one_line(run.target.kind),
        target_url=one_line(run.target.url),
        version=one_line(run.target.version or ""),
        commit=one_line(run.target.build or started.environment.get("commit", "")),
        started_at=one_line(started.started_at),
        duration_s=run.duration_s,
        verdict=run.verdict,
        exit_code=int(run.exit_code),
        scenarios=tuple(
            PastScenario(one_line(s.id), s.verdict, s.duration_s, s.reason and one_line(s.reason))
            for s in run.scenarios
        ),
        figures=dict(_figures(run)),
    )


def _figures(run: RunResult) -> Iterator[tuple[Key, Figure]]:
    """What gates judged, and the median and p95 of every metric that none did."""
    for scenario in run.scenarios:
        judged = {}
        for gate in scenario.gates:
            figure = _of_gate(gate)
            if figure is not None:
                judged[Key(one_line(scenario.id), measured_by(gate))] = figure
        for metric in scenario.metrics:
            for name, figure in _of_metric(metric):
                yield Key(one_line(scenario.id), name), figure
        yield from judged.items()


def _of_gate(gate: GateJudged) -> Figure | None:
    observed = finite(gate.observed)
    if observed is None:
        return None
    ends = None if gate.interval is None else (finite(gate.interval[0]), finite(gate.interval[1]))
    op = gate.op and clean(gate.op)
    return Figure(observed, _unit(gate.unit), op, finite(gate.limit), gate.verdict, ends, gate.n)


def _of_metric(metric: MetricRecorded) -> Iterator[tuple[str, Figure]]:
    ordered = sorted(value for value in metric.values if math.isfinite(value))
    if not ordered or ordered[0] == ordered[-1]:
        return
    for name, q in _SHOWN_QUANTILES:
        value = metric.quantiles.get(name)
        if value is None and len(ordered) >= _FEWEST_VALUES:
            value = quantile(ordered, q)
        if value is not None and math.isfinite(value):
            yield f"{one_line(metric.name, 200)}.{name}", Figure(value, _unit(metric.unit), n=metric.n)


def _unit(unit: str | None) -> str | None:
    return None if unit is None else one_line(unit, 20)
