"""The outcome of a run, folded from its events by one pure function: every report and the exit code use it.

No data is never a pass, and planned is reported: a scenario that never finished is there, as an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.checks import Check, checks_of, in_words, is_required
from pynomaly_itest.errors import ExitCode, UsageError
from pynomaly_itest.events import (
    BaselineCompared,
    BaselineUsed,
    CurvesRecorded,
    DiagnosticsCollected,
    FaultInjected,
    FindingRecorded,
    GateJudged,
    MetricRecorded,
    PlannedScenario,
    ResourceCreated,
    ResourceRemoved,
    RowsLabelled,
    RunAborted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
    TargetInfo,
    TargetReady,
    TargetSampled,
    Warned,
)
from pynomaly_itest.verdicts import Verdict

__all__ = ["RunResult", "ScenarioResult", "Verdict", "combine", "fold"]


@dataclass
class ScenarioResult:
    """One planned scenario and all that was observed in it, in the order in which it happened."""

    planned: PlannedScenario
    verdict: Verdict = Verdict.ERROR
    reason: str | None = "did not finish"
    started_s: float | None = None
    duration_s: float = 0.0
    finished: bool = False
    steps: list[StepFinished] = field(default_factory=list)
    running: StepStarted | None = None
    gates: list[GateJudged] = field(default_factory=list)
    metrics: list[MetricRecorded] = field(default_factory=list)
    curves: list[CurvesRecorded] = field(default_factory=list)
    findings: list[FindingRecorded] = field(default_factory=list)
    diagnostics: list[DiagnosticsCollected] = field(default_factory=list)
    faults: list[FaultInjected] = field(default_factory=list)
    left: dict[str, ResourceCreated] = field(default_factory=dict)
    comparisons: list[BaselineCompared] = field(default_factory=list)
    rows: list[RowsLabelled] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.planned.id

    @property
    def checks(self) -> list[Check]:
        """The checks that it was to make."""
        return checks_of(self.planned.checks, self.findings, self.reason or "it was not come to")


@dataclass
class RunResult:
    """A run as its log tells it. `scenarios` are in planned order."""

    started: RunStarted
    scenarios: list[ScenarioResult]
    target: TargetInfo
    duration_s: float
    samples: list[TargetSampled] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    interrupted: str | None = None
    aborted: RunAborted | None = None
    finished: bool = False
    target_start_s: float | None = None
    baseline: BaselineUsed | None = None
    beside: tuple[str, ...] = ()
    """Files that lie beside the log, as seen from its folder: what a page can link to. The log doesn't tell of them."""

    @property
    def verdict(self) -> Verdict:
        """The worst of the scenarios' verdicts; nothing judged is inconclusive, never a pass."""
        worst = combine(scenario.verdict for scenario in self.scenarios)
        if self.complete or worst is Verdict.FAILED:
            return worst
        return Verdict.ERROR

    @property
    def complete(self) -> bool:
        """Whether the run came to its own end: not killed, not interrupted, not given up."""
        return self.finished and self.interrupted is None and self.aborted is None

    @property
    def findings(self) -> list[FindingRecorded]:
        return [finding for scenario in self.scenarios for finding in scenario.findings]

    @property
    def checks(self) -> list[Check]:
        """The checks of all scenarios."""
        return [check for scenario in self.scenarios for check in scenario.checks]

    @property
    def exit_code(self) -> ExitCode:
        """What the process returns; the same for `run` and for a later `report` of the same log."""
        if self.interrupted is not None:
            return ExitCode.INTERRUPTED
        if self.aborted is not None:
            return _of_abort(self.aborted.exit_code)
        match self.verdict:
            case Verdict.PASSED:
                return ExitCode.PASSED
            case Verdict.FAILED:
                return ExitCode.FAILED
            case Verdict.INCONCLUSIVE if self.started.inconclusive_passes and self._something_ran:
                return ExitCode.PASSED
            case _:
                return ExitCode.INCONCLUSIVE

    @property
    def _something_ran(self) -> bool:
        return any(scenario.verdict is not Verdict.SKIPPED for scenario in self.scenarios)


def _of_abort(code: int) -> ExitCode:
    """The code that a run was given up with; none that passes, and none that there isn't."""
    known = code in tuple(ExitCode) and code != ExitCode.PASSED
    return ExitCode(code) if known else ExitCode.INCONCLUSIVE


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole from those of its parts: failed, else error, else inconclusive, else passed.

    Skipped parts count for nothing; where nothing else is there, the whole is inconclusive.
    """
    seen = set(verdicts)
    for verdict in (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASSED):
        if verdict in seen:
            return verdict
    return Verdict.INCONCLUSIVE


def fold(events: Iterable[Any]) -> RunResult:
    """The run that these events tell of.

    Raises UsageError where the first event isn't `run_started`: without a plan nothing can be said.
    """
    stream = iter(events)
    first = next(stream, None)
    if not isinstance(first, RunStarted):
        raise UsageError("the event log is empty: the run ended before it began")
    run = RunResult(
        started=first,
        scenarios=[ScenarioResult(planned) for planned in first.plan],
        target=first.target,
        duration_s=0.0,
    )
    by_id = {scenario.id: scenario for scenario in run.scenarios}
    for event in stream:
        run.duration_s = max(run.duration_s, event.at_s)
        scenario = by_id.get(getattr(event, "scenario", ""))
        if scenario is not None:
            _tell_scenario(scenario, event)
        else:
            _tell_run(run, event)
    _close(run)
    return run


def _tell_run(run: RunResult, event: Any) -> None:
    match event:
        case TargetReady():
            run.target = event.target
            run.target_start_s = event.duration_s
        case TargetSampled():
            run.samples.append(event)
        case Warned():
            run.warnings.append(event.message)
        case BaselineUsed():
            run.baseline = event
        case RunInterrupted():
            run.interrupted = event.reason
        case RunAborted():
            run.aborted = event
        case RunFinished():
            run.finished = True
            run.duration_s = event.duration_s
        case _:
            pass


def _tell_scenario(scenario: ScenarioResult, event: Any) -> None:
    match event:
        case ScenarioStarted():
            scenario.started_s = event.at_s
        case StepStarted():
            scenario.running = event
        case StepFinished():
            scenario.running = None
            scenario.steps.append(event)
        case ResourceCreated():
            scenario.left[f"{event.kind}/{event.id}"] = event
        case ResourceRemoved():
            scenario.left.pop(f"{event.kind}/{event.id}", None)
        case ScenarioFinished():
            scenario.finished = True
            scenario.verdict = event.verdict
            scenario.reason = event.reason
            scenario.started_s = event.started_s
            scenario.duration_s = event.duration_s
        case _:
            _keep(scenario, event)


def _keep(scenario: ScenarioResult, event: Any) -> None:
    """What is only kept, in order."""
    match event:
        case GateJudged():
            scenario.gates.append(event)
        case MetricRecorded():
            scenario.metrics.append(event)
        case CurvesRecorded():
            scenario.curves.append(event)
        case FindingRecorded():
            scenario.findings.append(event)
        case DiagnosticsCollected():
            scenario.diagnostics.append(event)
        case FaultInjected():
            scenario.faults.append(event)
        case BaselineCompared():
            scenario.comparisons.append(event)
        case RowsLabelled():
            scenario.rows.append(event)
        case _:
            pass


def _close(run: RunResult) -> None:
    """Say of each scenario that has no end why it has none."""
    why = "the run was killed before this scenario ended"
    if run.interrupted is not None:
        why = f"interrupted ({run.interrupted})"
    elif run.aborted is not None:
        why = f"the run was given up: {run.aborted.message}"
    for scenario in run.scenarios:
        if scenario.finished:
            _hold_against_baseline(scenario)
            _hold_against_checks(scenario, run.started.require_checks)
            continue
        failed = any(step.verdict is Verdict.FAILED for step in scenario.steps)
        failed = failed or any(gate.verdict is Verdict.FAILED for gate in scenario.gates)
        scenario.verdict = Verdict.FAILED if failed else Verdict.ERROR
        scenario.reason = why if scenario.started_s is not None else f"not started: {why}"


def _hold_against_checks(scenario: ScenarioResult, require: str | None) -> None:
    """A scenario whose checks were in part not made says so; it is no pass where they had to be made, or where none
    that was made shows anything good."""
    if scenario.verdict not in (Verdict.PASSED, Verdict.SKIPPED):
        return
    checks = scenario.checks
    told = in_words(checks)
    if told is None:
        return
    missing = [each.id for each in checks if not each.is_made and is_required(each, require)]
    if missing:
        why = next(each.reason for each in checks if each.id == missing[0] and not each.is_made)
        scenario.verdict = Verdict.INCONCLUSIVE
        scenario.reason = f"{told}; required (--require-checks {require}): {', '.join(missing)}: {why}"
    elif scenario.verdict is Verdict.PASSED:
        shown = any(each.passed for each in checks) or bool(scenario.gates)
        scenario.verdict = Verdict.PASSED if shown else Verdict.SKIPPED
        found = "" if shown else "what was looked at was found, and is not held against the run: "
        scenario.reason = f"{found}{told}"


def _hold_against_baseline(scenario: ScenarioResult) -> None:
    """A scenario that is worse than its baseline has not passed, whatever its own gates say."""
    if scenario.verdict not in (Verdict.PASSED, Verdict.INCONCLUSIVE):
        return
    worst = combine([scenario.verdict, *(each.verdict for each in scenario.comparisons)])
    if worst is not scenario.verdict:
        scenario.verdict = worst
        told = next(each for each in scenario.comparisons if each.verdict is worst)
        scenario.reason = f"{told.metric} against baseline {told.baseline_name}: {told.reason}"
