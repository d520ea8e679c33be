"""The shape of run.json, version 1: what every report format shows, and nothing else is shown.

`python -m pynomaly_itest.report.document > schema/run.schema.json` brings its published schema up to date.

All texts in a document are already free of control characters, all numbers are finite.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pynomaly_itest.verdicts import Verdict

SEVERITIES = ("critical", "high", "medium", "low", "info")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class TargetDocument(_Part):
    kind: str
    url: str
    version: str | None


class ExchangeDocument(_Part):
    """One request and its reply, redacted before it was logged."""

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str | None
    status: int | None
    reply_headers: dict[str, str]
    reply_body: str | None
    error: str | None
    duration_ms: float | None


class StepDocument(_Part):
    """`started_s`: seconds since the run started; `where`: the step's place in its profile."""

    index: int
    phase: str
    kind: str
    title: str
    verdict: Verdict
    reason: str | None
    started_s: float
    duration_s: float
    where: str
    source_line: str
    values: dict[str, Any]
    exchange: ExchangeDocument | None


class GateDocument(_Part):
    """`interval` holds the true value at `confidence`; an end that is null is unbounded.

    `margin`, in `unit`, is the room left up to the limit: negative where the limit is broken.
    `margin_percent` is the same in percent of the limit. Both are null where they can't be told; of an
    equality `margin` is how far it is missed, and in percent it has none. `measured` is what `observed` is of, where
    that is not the left side of `expression`: of several comparisons in it, the one that decided.
    """

    expression: str
    measured: str | None
    verdict: Verdict
    reason: str | None
    observed: Any
    limit: Any
    op: str | None
    unit: str | None
    n: int | None
    interval: tuple[float | None, float | None] | None
    confidence: float | None
    margin: float | None
    margin_percent: float | None
    where: str
    source_line: str


class HistogramDocument(_Part):
    """`counts[i]` values lie from `edges[i]` up to, not with, `edges[i + 1]`; the last bin holds its end."""

    edges: list[float]
    counts: list[int]


class OverTimeDocument(_Part):
    """Columns of one length: the values observed in each slice of time that starts at `at_s`."""

    at_s: list[float]
    n: list[int]
    p50: list[float]
    p95: list[float]
    max: list[float]


class MetricDocument(_Part):
    """A metric in numbers fit for showing; the raw values are in the event log.

    `n` values were observed, `kept` of them are what the histogram, the slices and those quantiles were
    made from that the log did not hold already.
    """

    name: str
    unit: str
    n: int
    kept: int
    min: float | None
    max: float | None
    mean: float | None
    quantiles: dict[str, float]
    histogram: HistogramDocument | None
    over_time: OverTimeDocument | None


class CurvesDocument(_Part):
    """A picture of a step: each of `y` has one value for each of `x`. `limits` and `places` are worth a line.

    `started_s`: for an axis in seconds, where its zero lies in the run.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    x: list[float]
    y: dict[str, list[float | None]]
    limits: dict[str, float]
    places: dict[str, float]
    started_s: float | None


class MarkDocument(_Part):
    """A stretch of the run in which something was broken on purpose."""

    name: str
    started_s: float
    ended_s: float


class DiagnosticsDocument(_Part):
    title: str
    lines: list[str]


class LeftoverDocument(_Part):
    """Something the scenario created that was still there at its end; DELETE `path` removes it."""

    kind: str
    id: str
    path: str


class ResourcesDocument(_Part):
    """The target's process tree over time, thinned to what a plot can show: `n` samples were taken.

    Each kept sample is the highest of its neighbours, so that no peak is lost.
    """

    n: int
    at_s: list[float]
    rss_mb: list[float]
    cpu_percent: list[float | None]


class BaselineDocument(_Part):
    """What the run is held against; `build` says which code that was measured on."""

    name: str
    run_id: str
    saved_at: str
    version: str | None
    build: str
    note: str


class ComparisonDocument(_Part):
    """A figure held against the baseline's; one that is skipped is shown and not judged.

    `change` is for the worse: of `scale` "relative" 0.05 is 5 % worse, of "absolute" it is in `unit`. `interval`
    holds the true change at `confidence`; `ignore` and `forbid` are in the same scale.
    """

    baseline_name: str
    metric: str
    expression: str
    unit: str | None
    baseline: float | None
    baseline_interval: tuple[float | None, float | None] | None
    observed: float | None
    change: float | None
    scale: str
    interval: tuple[float | None, float | None] | None
    confidence: float | None
    ignore: float | None
    forbid: float | None
    method: str
    verdict: Verdict
    reason: str


class ScenarioDocument(_Part):
    """`resources`: the target's samples while the scenario ran."""

    id: str
    title: str
    verdict: Verdict
    reason: str | None
    tags: list[str]
    requires: list[str]
    where: str
    started_s: float | None
    duration_s: float
    finished: bool
    reproduce: str
    steps: list[StepDocument]
    gates: list[GateDocument]
    metrics: list[MetricDocument]
    curves: list[CurvesDocument]
    marks: list[MarkDocument]
    diagnostics: list[DiagnosticsDocument]
    leftovers: list[LeftoverDocument]
    comparisons: list[ComparisonDocument]
    resources: ResourcesDocument | None


class FindingDocument(_Part):
    """What a probe found. `counts`: whether a failed one is held against the verdict (severity, waiver)."""

    id: str
    scenario: str
    title: str
    verdict: Verdict
    reason: str | None
    severity: str
    fingerprint: str
    where: str
    expected: str
    observed: str
    why: str
    mend: str
    references: list[str]
    curl: str
    exchange: ExchangeDocument | None
    waived_by: str | None
    counts: bool


class NotMadeDocument(_Part):
    """A check that was planned and not made; `hint`: what would make it possible."""

    id: str
    scenario: str
    title: str
    severity: str
    reason: str
    hint: str | None


class ChecksDocument(_Part):
    """How many of the planned checks were made; `told`: the same in words where some were not."""

    planned: int
    made: int
    not_made: list[NotMadeDocument]
    told: str | None
    required: str | None


class AbortDocument(_Part):
    exit_code: int
    message: str
    hint: str | None


class RunDocument(_Part):
    """A run as reports show it. `why` is the sentence that explains `verdict`; `build` says which code the target is,
    where the run started it itself."""

    model_config = ConfigDict(frozen=True, title="pynomaly-itest run.json")

    schema_version: Literal[1] = 1
    run_id: str
    verdict: Verdict
    exit_code: int
    why: str
    complete: bool
    profile: str
    profile_files: list[str]
    description: str
    target: TargetDocument
    build: str | None
    started_at: str
    duration_s: float
    target_start_s: float | None
    tool_version: str
    seed: int
    confidence: float
    fail_on: str
    deselected: int
    counts: dict[Verdict, int]
    benchmarks: dict[str, float]
    environment: dict[str, str]
    reproduce: str
    interrupted: str | None
    aborted: AbortDocument | None
    warnings: list[str]
    baseline: BaselineDocument | None
    resources: ResourcesDocument | None
    scenarios: list[ScenarioDocument]
    findings: list[FindingDocument]
    checks: ChecksDocument


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of run.json."""
    generated = RunDocument.model_json_schema(mode="serialization")
    generated["required"] = sorted({*generated["required"], "schema_version"})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **generated}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
