"""Writes down what happens in a scenario, in the form that reports show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    CurvesRecorded,
    DiagnosticsCollected,
    Exchange,
    FaultInjected,
    FindingRecorded,
    GateJudged,
    MetricRecorded,
    RowsLabelled,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
)
from pynomaly_itest.gates import Judged
from pynomaly_itest.lifecycle.outcome import Outcome
from pynomaly_itest.measure import Estimate, Labels, Samples, statistic
from pynomaly_itest.measure.curves import Curves
from pynomaly_itest.probing.engine import Finding
from pynomaly_itest.profile.model import Source, StepCall
from pynomaly_itest.redaction import HIDDEN, holds_secret
from pynomaly_itest.steps.base import Values

_SHOWN_SAMPLES = 10_000
_MOST_DETAILS = 100
_QUANTILES = ("p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Recorder:
    """The log, as one scenario writes in it."""

    log: EventLog
    scenario: str

    def started(self) -> None:
        self.log.record(ScenarioStarted, scenario=self.scenario)

    def finished(self, outcome: Outcome, started_s: float) -> None:
        self.log.record(
            ScenarioFinished,
            scenario=self.scenario,
            verdict=outcome.verdict,
            reason=outcome.reason,
            started_s=started_s,
            duration_s=self.log.now_s() - started_s,
        )

    def step_started(self, call: StepCall, index: int, phase: str) -> None:
        self.log.record(
            StepStarted, scenario=self.scenario, index=index, phase=phase, kind=call.kind, title=call.title
        )

    def step_finished(
        self,
        call: StepCall,
        index: int,
        phase: str,
        outcome: Outcome,
        started_s: float,
        values: Values,
        exchange: Exchange | None,
    ) -> None:
        self.log.record(
            StepFinished,
            scenario=self.scenario,
            index=index,
            phase=phase,
            kind=call.kind,
            title=call.title,
            verdict=outcome.verdict,
            reason=outcome.reason,
            started_s=started_s,
            duration_s=self.log.now_s() - started_s,
            where=where(call.source),
            source_line=call.source.line,
            values=self._scalars(values),
            exchange=exchange,
        )

    def _scalars(self, values: Values) -> dict[str, Any]:
        """What of a step's values fits on a line of a report: plain values, and measured ones as numbers."""
        shown: dict[str, Any] = {}
        for name, given in values.items():
            value = given(0.95) if callable(given) else given  # an inference, for showing
            if isinstance(value, Estimate):
                shown[name] = value.value
            elif isinstance(value, str):
                shown[name] = HIDDEN if holds_secret(name) else _plain(self.log.without_secrets(value), 200)
            elif value is None or isinstance(value, bool | int | float):
                shown[name] = value
        return shown

    def judged(
        self, expression: str, judged: Judged, *, step: int | None, where: str = "", line: str = ""
    ) -> None:
        self.log.record(
            GateJudged,
            scenario=self.scenario,
            step=step,
            expression=expression,
            verdict=judged.verdict,
            reason=judged.reason,
            observed=_plain(judged.observed),
            limit=_plain(judged.limit),
            op=judged.op,
            unit=judged.unit,
            n=judged.n,
            interval=judged.interval,
            confidence=judged.confidence,
            measured=judged.measured,
            where=where,
            source_line=line,
        )

    def found(self, finding: Finding) -> None:
        probe = finding.probe
        self.log.record(
            FindingRecorded,
            scenario=self.scenario,
            id=probe.id,
            title=probe.title,
            verdict=finding.verdict,
            reason=finding.reason,
            severity=probe.severity.value,
            fingerprint=finding.fingerprint,
            where=finding.where,
            expected=probe.expected,
            observed=finding.observed,
            why=probe.why,
            mend=probe.mend,
            references=probe.all_references(),
            curl=finding.curl,
            exchange=finding.exchange,
            waived_by=finding.waived_by,
            hint=finding.hint,
        )

    def fault(
        self, name: str, started_s: float, ended_s: float, recovered_s: float | None, details: tuple[str, ...]
    ) -> None:
        self.log.record(
            FaultInjected,
            scenario=self.scenario,
            name=name,
            started_s=started_s,
            ended_s=ended_s,
            recovered_s=recovered_s,
            details=details[:_MOST_DETAILS],
        )

    def series(self, prefix: str, values: Values) -> None:
        """Every series and every picture among a step's values, for plots; labelled rows, for comparisons."""
        for name, value in values.items():
            if isinstance(value, Samples) and value.n:
                self.log.record(MetricRecorded, scenario=self.scenario, **_metric(f"{prefix}.{name}", value))
            elif isinstance(value, Curves):
                self._curves(f"{prefix}.{name}", value)
            elif isinstance(value, Labels):
                self.log.record(RowsLabelled, scenario=self.scenario, name=prefix, **value.packed())
            elif isinstance(value, dict):  # what a step inside of it measured
                self.series(f"{prefix}.{name}", value)

    def _curves(self, name: str, curves: Curves) -> None:
        ago_s = curves.begun_ago_s
        self.log.record(
            CurvesRecorded,
            scenario=self.scenario,
            name=name,
            title=curves.title,
            x_label=curves.x_label,
            y_label=curves.y_label,
            x=tuple(curves.x),
            y={curve: tuple(values) for curve, values in curves.y.items()},
            limits=dict(curves.limits),
            places=dict(curves.places),
            started_s=None if ago_s is None else max(0.0, self.log.now_s() - ago_s),
        )

    def diagnostics(self, title: str, lines: tuple[str, ...]) -> None:
        if lines:
            self.log.record(DiagnosticsCollected, scenario=self.scenario, title=title, lines=lines)

    def progress(self, text: str) -> None:
        self.log.progress(self.scenario, text)


def where(source: Source) -> str:
    """`file:line`, as reports say it."""
    return f"{source.place.file}:{source.place.line}"


def _metric(name: str, samples: Samples) -> dict[str, Any]:
    """A series for showing: at most 10,000 values, evenly picked, and its quantiles from all of them."""
    every = -(-samples.n // _SHOWN_SAMPLES)
    times = samples.times_s[::every].tolist() if samples.times_s is not None else []
    return {
        "name": name,
        "unit": samples.unit,
        "n": samples.n,
        "values": samples.values[::every].tolist(),
        "times_s": times,
        "quantiles": {q: statistic(samples, q).value for q in _QUANTILES},
    }


def _plain(value: Any, longest: int = 500) -> Any:
    """A value as JSON has it, cut to a readable length."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"
