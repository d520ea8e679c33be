"""A comparison as it is kept, in compare.json; texts are clean, numbers finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pynomaly_itest.comparison.outcome import Judged, Outcome
from pynomaly_itest.comparison.pressure import BUSY
from pynomaly_itest.errors import ExitCode
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.verdicts import Verdict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SideRecord(_Part):
    """One of the two: what it is called, and the version that it says of itself."""

    label: str
    version: str | None = None


class MetricRecord(_Part):
    """One metric. Changes are for the worse: `worse_by` 0.05 is 5 % worse (`scale` absolute: in `unit`); `low` and
    `high` hold the true change. `smallest_seen`: the least worsening that this comparison could have told."""

    name: str
    unit: str
    a: float | None
    b: float | None
    worse_by: float | None
    low: float | None
    high: float | None
    scale: Literal["relative", "absolute"] = "relative"
    verdict: Verdict
    reason: str
    ignore: float | None = None
    forbid: float | None = None
    pairs: int = 0
    smallest_seen: float | None = None
    effects: tuple[float, ...] = ()


class ComparisonRecord(_Part):
    """compare.json, version 1."""

    schema_version: Literal[1] = 1
    kind: Literal["processes", "services", "runs", "noise"]
    verdict: Verdict
    exit_code: int
    reason: str
    a: SideRecord
    b: SideRecord
    metrics: tuple[MetricRecord, ...]
    pairs: int = 0
    pair_s: float | None = None
    duration_s: float = 0.0
    started_at: str = ""
    tool_version: str = ""
    command: str = ""
    questions: tuple[str, ...] = ()
    stalled_share: float | None = None
    spread: dict[str, float] = {}
    environment: dict[str, str] = {}
    notes: tuple[str, ...] = ()


def record_of(
    outcome: Outcome, *, started_at: str, tool_version: str, command: str, environment: dict[str, str]
) -> ComparisonRecord:
    """What is kept of a live comparison."""
    code = exit_code(outcome.verdict, interrupted=outcome.interrupted)
    mean_s = sum(outcome.pair_s) / len(outcome.pair_s) if outcome.pair_s else None
    return ComparisonRecord(
        kind="services" if outcome.weaker else "processes",
        verdict=outcome.verdict,
        exit_code=int(code),
        reason=one_line(_reason(outcome), 1000),
        a=_side(outcome.base, outcome.versions[0]),
        b=_side(outcome.candidate, outcome.versions[1]),
        metrics=tuple(_metric(each) for each in outcome.judged),
        pairs=len(outcome.pairs),
        pair_s=mean_s,
        duration_s=outcome.duration_s + outcome.preparation_s,
        started_at=started_at,
        tool_version=tool_version,
        command=one_line(command, 1000),
        questions=tuple(one_line(question.name) for question in outcome.questions),
        stalled_share=outcome.stalled_share,
        spread={each.metric.name: spread for each in outcome.judged if (spread := spread_of(each.clusters))},
        environment=environment,
        notes=tuple(one_line(note, 1000) for note in [*_notes(outcome), *outcome.notes]),
    )


def exit_code(verdict: Verdict, *, interrupted: bool = False) -> ExitCode:
    """What the process returns."""
    if interrupted:
        return ExitCode.INTERRUPTED
    return {Verdict.PASSED: ExitCode.PASSED, Verdict.FAILED: ExitCode.FAILED}.get(
        verdict, ExitCode.INCONCLUSIVE
    )


def spread_of(effects: Sequence[float]) -> float | None:
    """The standard deviation between pairs, as a share: 0.01 is 1 %; None from fewer than two."""
    if len(effects) < 2:
        return None
    mean = sum(effects) / len(effects)
    return math.sqrt(sum((effect - mean) ** 2 for effect in effects) / (len(effects) - 1))


def _side(label: str, version: str | None) -> SideRecord:
    return SideRecord(label=one_line(label), version=None if version is None else one_line(version))


def _metric(judged: Judged) -> MetricRecord:
    found = judged.conclusion
    return MetricRecord(
        name=one_line(judged.metric.name),
        unit=judged.metric.unit,
        a=_finite(judged.base),
        b=_finite(judged.candidate),
        worse_by=_finite(found.change),
        low=_finite(found.low),
        high=_finite(found.high),
        verdict=found.verdict,
        reason=one_line(found.reason, 1000),
        ignore=judged.ignore,
        forbid=judged.forbid,
        pairs=found.pairs,
        smallest_seen=_finite(found.smallest_seen),
        effects=judged.clusters,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _reason(outcome: Outcome) -> str:
    """The sentence under the verdict."""
    if outcome.failure is not None:
        side = (outcome.base, outcome.candidate)[outcome.failure.index]
        return f"{side} did not answer as it should: {outcome.failure.message}"
    worst = [each for each in outcome.judged if each.conclusion.verdict is outcome.verdict]
    if outcome.interrupted:
        return f"interrupted after {len(outcome.pairs)} pairs"
    match outcome.verdict:
        case Verdict.PASSED:
            return "no metric is worse by what is forbidden"
        case Verdict.FAILED:
            return f"worse: {', '.join(each.metric.name for each in worst)}"
        case _:
            return f"not clear: {', '.join(each.metric.name for each in worst) or 'nothing was measured'}"


def _notes(outcome: Outcome) -> list[str]:
    notes = []
    if outcome.weaker:
        notes.append(f"A weaker claim: {outcome.weaker}.")
    if outcome.stalled_share is not None and outcome.stalled_share > BUSY:
        notes.append(
            f"The machine was busy: in {outcome.stalled_share:.0%} of the time some process waited for a "
            "processor (pressure stall information). What both sides wait for makes a change of their calls' times "
            "look smaller than it is, so that less of one may pass; fewer neighbours make the intervals narrower, too."
        )
    for index, label in enumerate((outcome.base, outcome.candidate)):
        if any(pair.from_cache[index] for pair in outcome.pairs):
            notes.append(
                f"{label}: answers came from its cache, so that what they cost without it is not compared."
            )
    return notes
