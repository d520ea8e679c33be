"""What this machine can tell: the same build on both sides, so that every difference is noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pynomaly_itest.comparison.pressure import BUSY
from pynomaly_itest.comparison.record import ComparisonRecord
from pynomaly_itest.measure.power import pairs_needed, smallest_told
from pynomaly_itest.measure.sequential import LOOKS

_FEWEST_PAIRS = 4
_WANTED = 0.03  # the room between the usual ignore, 2 %, and forbid, 5 %


class MetricNoise(BaseModel):
    """One metric. spread: standard deviation between pairs, of the log ratio. told: the smallest worsening beyond
    what is ignored that is found in nine of ten cases, by the number of pairs. pairs: for the usual 2 % and 5 %."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    spread: float
    told: dict[int, float]
    pairs: int | None
    seconds: float | None


class NoiseRecord(BaseModel):
    """noise.json, version 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    build: str
    pairs: int
    pair_s: float | None
    duration_s: float
    started_at: str
    stalled_share: float | None
    metrics: tuple[MetricNoise, ...]
    advice: tuple[str, ...]
    environment: dict[str, str] = {}


def noise_of(record: ComparisonRecord) -> NoiseRecord:
    """What an A/A comparison says of the machine."""
    metrics = tuple(
        _metric(metric.name, record.spread[metric.name], record.pair_s)
        for metric in record.metrics
        if metric.name in record.spread and len(metric.effects) >= _FEWEST_PAIRS
    )
    return NoiseRecord(
        build=record.a.label,
        pairs=record.pairs,
        pair_s=record.pair_s,
        duration_s=record.duration_s,
        started_at=record.started_at,
        stalled_share=record.stalled_share,
        metrics=metrics,
        advice=tuple(_advice(record, metrics)),
        environment=record.environment,
    )


def _metric(name: str, spread: float, pair_s: float | None) -> MetricNoise:
    needed = pairs_needed(spread, _WANTED)
    return MetricNoise(
        name=name,
        spread=spread,
        told={look: smallest_told(spread, look) for look in LOOKS},
        pairs=needed,
        seconds=None if needed is None or pair_s is None else needed * pair_s,
    )


def _advice(record: ComparisonRecord, metrics: tuple[MetricNoise, ...]) -> Iterator[str]:
    """What would make it better, and what to ask for meanwhile."""
    if not metrics:
        yield f"Too few pairs to say anything: {_FEWEST_PAIRS} at least; give it a longer --budget."
        return
    if record.pairs < LOOKS[0]:
        yield f"{record.pairs} pairs tell the spread only roughly: more of them (--pairs, --budget) make it surer."
    if record.stalled_share is not None and record.stalled_share > BUSY:
        yield (
            f"Processes waited for a processor in {record.stalled_share:.0%} of the time: end what else runs here, "
            "or take a machine of your own; that is what widens the spread most."
        )
    if record.environment.get("cores") == "1":
        yield "There is one core: a second one would keep the tool itself out of the way of what it measures."
    noisy = [metric for metric in metrics if metric.pairs is None]
    if noisy:
        asked = " ".join(
            f"--forbid {metric.name}={_forbid(metric)}%" for metric in noisy if " " not in metric.name
        )
        names = ", ".join(metric.name for metric in noisy)
        yield f"Not with the usual 2 % and 5 %: {names}. What it can tell here: {asked or 'see the table'}."
        if all(not metric.name.endswith("cpu") for metric in metrics):
            yield "--metric cpu (processor time of an answer) is disturbed least by neighbours."
    else:
        slowest = max(metric.seconds or 0.0 for metric in metrics)
        yield f"Good enough for the usual 2 % and 5 %: about {slowest:.0f} s a comparison."


def _forbid(metric: MetricNoise) -> int:
    """A whole number of percent that the last look can tell from 2 %."""
    return math.ceil(2 + 100 * metric.told[LOOKS[-1]])
