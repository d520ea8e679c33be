"""What happened, in the past tense: the event log is the single source of truth for everything that is shown.

Events are written one JSON object a line as they happen, so that a crash, a kill or Ctrl-C loses at most the
event being written. Nothing reads a run's outcome from anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from pynomaly_itest.errors import UsageError
from pynomaly_itest.verdicts import Verdict

LOG_VERSION = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class TargetInfo(_Model):
    """What was tested. `url` never carries credentials."""

    kind: str
    url: str
    version: str | None = None
    build: str | None = None
    """Which code it is, where we started it: "git 1a2b3c4d5e6f", "git 1a2b3c4d5e6f, changed", "wheel pynomaly-…"."""


class PlannedScenario(_Model):
    """A scenario as it was planned: it appears in every report, whatever becomes of it."""

    id: str
    title: str = ""
    tags: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    where: str = ""
    gates: tuple[str, ...] = ()
    fingerprint: str = ""
    """Of all that the scenario does and demands: the same text, the same values, the same fingerprint."""


class Exchange(_Model):
    """One request and its reply, redacted and cut to a readable length."""

    method: str
    url: str
    request_headers: dict[str, str] = Field(default_factory=dict)
    request_body: str | None = None
    status: int | None = None
    reply_headers: dict[str, str] = Field(default_factory=dict)
    reply_body: str | None = None
    error: str | None = None
    duration_ms: float | None = None


class _Event(_Model):
    """`at_s`: seconds since the run started, by a clock that never goes back."""

    at_s: float


class RunStarted(_Event):
    event: Literal["run_started"] = "run_started"
    log_version: int = LOG_VERSION
    run_id: str
    profile: str
    profile_files: tuple[str, ...] = ()
    description: str = ""
    started_at: str
    tool_version: str
    target: TargetInfo
    seed: int
    confidence: float = 0.95
    inconclusive_passes: bool = False
    fail_on: str = "high"
    plan: tuple[PlannedScenario, ...]
    deselected: int = 0
    benchmarks: dict[str, float] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)
    reproduce: str = ""
    arguments: tuple[str, ...] = ()


class TargetReady(_Event):
    event: Literal["target_ready"] = "target_ready"
    target: TargetInfo
    duration_s: float


class ScenarioStarted(_Event):
    event: Literal["scenario_started"] = "scenario_started"
    scenario: str


class StepStarted(_Event):
    event: Literal["step_started"] = "step_started"
    scenario: str
    index: int
    phase: str
    kind: str
    title: str = ""


class StepFinished(_Event):
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


class MetricRecorded(_Event):
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


class CurvesRecorded(_Event):
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


class RowsLabelled(_Event):
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


class GateJudged(_Event):
    """`observed` against `limit`, both in `unit`; `interval` holds the true value at `confidence`.

    `step`: the step whose expectation this is; None for a gate of the whole scenario.
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
    where: str = ""
    source_line: str = ""


class FindingRecorded(_Event):
    """What a probe found. `verdict` passed means: the target did the safe thing and the controls worked."""

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


class ResourceCreated(_Event):
    """A clean-up ledger entry: DELETE `path` removes what was created."""

    event: Literal["resource_created"] = "resource_created"
    scenario: str
    kind: str
    id: str
    path: str


class ResourceRemoved(_Event):
    event: Literal["resource_removed"] = "resource_removed"
    scenario: str
    kind: str
    id: str


class DiagnosticsCollected(_Event):
    """The target's last log lines, or what a `catch` step gathered, when a scenario failed."""

    event: Literal["diagnostics_collected"] = "diagnostics_collected"
    scenario: str
    title: str
    lines: tuple[str, ...]


class ScenarioFinished(_Event):
    event: Literal["scenario_finished"] = "scenario_finished"
    scenario: str
    verdict: Verdict
    reason: str | None = None
    started_s: float
    duration_s: float


class FaultInjected(_Event):
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


class TargetSampled(_Event):
    """The target's process tree: resident memory in MiB, CPU in percent of one core, threads, descriptors."""

    event: Literal["target_sampled"] = "target_sampled"
    rss_mb: float
    cpu_percent: float | None = None
    threads: int | None = None
    descriptors: int | None = None


class Warned(_Event):
    """Something the reader should know that is no verdict (a noisy machine, a folder left behind)."""

    event: Literal["warned"] = "warned"
    message: str


class BaselineUsed(_Event):
    """What the run is held against. `build` says which platform the baseline was measured on."""

    event: Literal["baseline_used"] = "baseline_used"
    name: str
    run_id: str
    saved_at: str
    version: str | None = None
    build: str = ""
    note: str = ""


class BaselineCompared(_Event):
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


class RunInterrupted(_Event):
    event: Literal["run_interrupted"] = "run_interrupted"
    reason: str


class RunAborted(_Event):
    """The run could not go on: the target is not there (exit 3), or the tool has a bug (exit 70)."""

    event: Literal["run_aborted"] = "run_aborted"
    exit_code: int
    message: str
    hint: str | None = None
    traceback: str | None = None


class RunFinished(_Event):
    event: Literal["run_finished"] = "run_finished"
    duration_s: float


Event = Annotated[
    RunStarted
    | TargetReady
    | ScenarioStarted
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
    | ScenarioFinished
    | TargetSampled
    | Warned
    | BaselineUsed
    | BaselineCompared
    | RunInterrupted
    | RunAborted
    | RunFinished,
    Field(discriminator="event"),
]

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Event)


def encode(event: BaseModel) -> bytes:
    """One line of the log, newline included. Text that is no Unicode (half a surrogate pair in a target's JSON)
    is replaced: what a target sends must not end a run."""
    try:
        return event.model_dump_json().encode() + b"\n"
    except PydanticSerializationError:
        clean = with_texts(event, lambda text: text.encode("utf-8", "replace").decode())
        return clean.model_dump_json().encode() + b"\n"


def decode(line: bytes) -> Any:
    """The event of one line of a log; raises ValidationError where it is none of this version."""
    return _ADAPTER.validate_json(line)


def with_texts(event: BaseModel, change: Callable[[str], str]) -> BaseModel:
    """The event with every text in it changed; what makes it an event (kind, verdicts, names of fields) stays."""
    changed: BaseModel = _changed(event, change)
    return changed


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case BaseModel():
            names = [name for name in type(value).model_fields if name != "event"]
            return value.model_copy(update={name: _changed(getattr(value, name), change) for name in names})
        case Verdict():
            return value
        case str():
            return change(value)
        case dict():
            return {_changed(key, change): _changed(item, change) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_changed(item, change) for item in value)
        case _:
            return value


def read_log(path: Path) -> Iterator[Any]:
    """The events of a log in order; a last line cut short by a kill is passed over.

    Raises UsageError where the file is missing, or a line before the last is not an event of this version.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as problem:
        raise UsageError(f"can't read the event log {path}: {problem.strerror}") from problem
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield decode(line)
        except ValidationError as problem:
            if number == len(lines):  # no newline behind it: the event that was being written
                return
            raise UsageError(
                f"{path}:{number} is not an event of log version {LOG_VERSION}",
                hint="was it written by another version of the tool?",
            ) from problem
