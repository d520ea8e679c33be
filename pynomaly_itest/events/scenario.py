"""What happens within a scenario: its steps, what they measured, created and found, and how it was judged."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pynomaly_itest.events.parts import Event, Exchange
from pynomaly_itest.verdicts import Verdict


class ScenarioStarted(Event):
    event: Literal["scenario_started"] = "scenario_started"
    scenario: str


class StepStarted(Event):
    event: Literal["step_started"] = "step_started"
    scenario: str
    index: int
    phase: str
    kind: str
    title: str = ""


class StepFinished(Event):
    """`values`: the scalars it produced, by dotted name. `exchange` is kept where the step failed."""

    event: Literal["step_finished"] = "step_finished"
    scenario: str
    index: int
    phase: str
    kind: str
    title: str = ""
    verdict: Verdict
    reason: str | None = None
    started_s: float
    duration_s: float
    where: str = ""
    source_line: str = ""
    values: dict[str, Any] = Field(default_factory=dict)
    exchange: Exchange | None = None


class MetricRecorded(Event):
    """Observed samples of one metric of a scenario, in `unit`; `times_s` (same length) where they have times.

    At most 10,000 values are kept for showing; `n` is how many were observed and judged.
    """

    event: Literal["metric_recorded"] = "metric_recorded"
    scenario: str
    name: str
    unit: str
    n: int
    values: tuple[float, ...]
    times_s: tuple[float, ...] = ()
    quantiles: dict[str, float] = Field(default_factory=dict)


class CurvesRecorded(Event):
    """A picture of a step: curves (by name) over one axis, with limits and places on it worth a line.

    `started_s`: for an axis in seconds, where its zero lies on the run's clock.
    """

    event: Literal["curves_recorded"] = "curves_recorded"
    scenario: str
    name: str
    title: str
    x_label: str
    y_label: str = ""
    x: tuple[float, ...]
    y: dict[str, tuple[float | None, ...]]
    limits: dict[str, float] = Field(default_factory=dict)
    places: dict[str, float] = Field(default_factory=dict)
    started_s: float | None = None


class RowsLabelled(Event):
    """How each row of an evaluation was labelled, for holding another run's labels of the same rows against it.

    actual, found: base64 of the labels as bits, in the order of the rows. scores: a digest of the scores.
    """

    event: Literal["rows_labelled"] = "rows_labelled"
    scenario: str
    name: str
    n: int
    actual: str
    found: str
    scores: str


class GateJudged(Event):
    """`observed` against `limit`, both in `unit`; `interval` holds the true value at `confidence`.

    `step`: the step whose expectation this is; None for a gate of the whole scenario. `measured`: what `observed` is
    of, where that is not the left side of `expression`: of `a <= 1 or b <= 2` the part that decided.
    """

    event: Literal["gate_judged"] = "gate_judged"
    scenario: str
    step: int | None = None
    expression: str
    verdict: Verdict
    reason: str | None = None
    observed: Any = None
    limit: Any = None
    op: str | None = None
    unit: str | None = None
    n: int | None = None
    interval: tuple[float, float] | None = None
    confidence: float | None = None
    measured: str | None = None
    where: str = ""
    source_line: str = ""


class FindingRecorded(Event):
    """What a probe found. `verdict` passed means: the target did the safe thing and the controls worked.

    `hint`: of a check that was not made, what would make it possible.
    """

    event: Literal["finding_recorded"] = "finding_recorded"
    scenario: str
    id: str
    title: str
    verdict: Verdict
    reason: str | None = None
    severity: str
    fingerprint: str
    where: str = ""
    expected: str = ""
    observed: str = ""
    why: str = ""
    mend: str = ""
    references: tuple[str, ...] = ()
    curl: str = ""
    exchange: Exchange | None = None
    waived_by: str | None = None
    hint: str | None = None


class ResourceCreated(Event):
    """A clean-up ledger entry: DELETE `path` removes what was created."""

    event: Literal["resource_created"] = "resource_created"
    scenario: str
    kind: str
    id: str
    path: str


class ResourceRemoved(Event):
    event: Literal["resource_removed"] = "resource_removed"
    scenario: str
    kind: str
    id: str


class DiagnosticsCollected(Event):
    """The target's last log lines, or what a `catch` step gathered, when a scenario failed."""

    event: Literal["diagnostics_collected"] = "diagnostics_collected"
    scenario: str
    title: str
    lines: tuple[str, ...]


class FaultInjected(Event):
    """A stretch of time in which something was broken on purpose, on the log's clock; plots mark it.

    `recovered_s`: when the target was whole again, None where it never was. `details`: what was done, so that it can
    be done again.
    """

    event: Literal["fault_injected"] = "fault_injected"
    scenario: str
    name: str
    started_s: float
    ended_s: float
    recovered_s: float | None = None
    details: tuple[str, ...] = ()


class BaselineCompared(Event):
    """One figure of a scenario held against the baseline's; a skipped one is shown and not judged.

    `change` is for the worse: of `scale` "relative" 0.05 is 5 % worse, of "absolute" it is in `unit`. `interval`
    holds the true change at `confidence`. `ignore` and `forbid` are in the same scale.
    """

    event: Literal["baseline_compared"] = "baseline_compared"
    scenario: str
    baseline_name: str
    metric: str
    expression: str
    unit: str | None = None
    baseline: float | None = None
    baseline_interval: tuple[float | None, float | None] | None = None
    observed: float | None = None
    change: float | None = None
    scale: Literal["relative", "absolute"] = "relative"
    interval: tuple[float | None, float | None] | None = None
    confidence: float | None = None
    ignore: float | None = None
    forbid: float | None = None
    method: str
    verdict: Verdict
    reason: str


class ScenarioFinished(Event):
    event: Literal["scenario_finished"] = "scenario_finished"
    scenario: str
    verdict: Verdict
    reason: str | None = None
    started_s: float
    duration_s: float


ScenarioEvent = (
    ScenarioStarted
    | StepStarted
    | StepFinished
    | MetricRecorded
    | CurvesRecorded
    | RowsLabelled
    | GateJudged
    | FindingRecorded
    | ResourceCreated
    | ResourceRemoved
    | DiagnosticsCollected
    | FaultInjected
    | BaselineCompared
    | ScenarioFinished
)
