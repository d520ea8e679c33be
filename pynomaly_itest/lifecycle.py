"""The life of one scenario: setup, steps, gates; catch where something went wrong; finally and clean-up always."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.errors import (
    CannotMeasure,
    EvidenceLost,
    ItestError,
    NotApplicable,
    NotEnoughEvidence,
    StepFailed,
)
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    DiagnosticsCollected,
    Exchange,
    FindingRecorded,
    GateJudged,
    MetricRecorded,
    ScenarioFinished,
    ScenarioStarted,
    StepFinished,
    StepStarted,
)
from pynomaly_itest.gates import Judged, judge_condition
from pynomaly_itest.ledger import CleanupLedger
from pynomaly_itest.measure import Estimate, Samples, statistic
from pynomaly_itest.probing.engine import Finding, counts
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.profile.expression import names, parse, resolve
from pynomaly_itest.profile.expression.evaluator import lookup_in
from pynomaly_itest.profile.model import Gate, Scenario, StepCall
from pynomaly_itest.registry import STEPS
from pynomaly_itest.results import combine
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.scene import Scene
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http, RequestFailed
from pynomaly_itest.target.observer import Observer
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.verdicts import Verdict

CLEANUP_TIMEOUT_S = 30.0
_SHOWN_SAMPLES = 10_000
_SHOWN_LOG_LINES = 40
_QUANTILES = ("p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Services:
    """What all scenarios of a run share."""

    target: Target
    http: Http
    api: PlatformApi
    observer: Observer
    log: EventLog
    dataset: Callable[[str], Awaitable[Dataset]]
    confidence: float
    seed: int
    run_id: str
    min_samples: int = 1
    accounts: Accounts | None = None
    probing: ProbeOptions = field(default_factory=ProbeOptions)
    shared: dict[str, Any] = field(default_factory=dict)
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True)
class Outcome:
    """What became of a part of a scenario."""

    verdict: Verdict
    reason: str | None = None


@dataclass
class ScenarioRun:
    """One scenario under way; `run` takes it from its start to its end and gives its verdict."""

    scenario: Scenario
    services: Services
    outcomes: list[Outcome] = field(default_factory=list)
    saved: dict[str, Any] = field(default_factory=dict)
    _found: list[Outcome] = field(default_factory=list)
    _judged: list[Outcome] = field(default_factory=list)
    _steps_begun: int = 0

    def __post_init__(self) -> None:
        self.log = self.services.log
        self.id = self.scenario.id
        self.ledger = CleanupLedger(self.id, self.log)
        self._started_s = self.log.now_s()

    async def run(self, timeout_s: float | None = None) -> Verdict:
        """Run it all; raises nothing but EvidenceLost, and CancelledError after the clean-up.

        timeout_s: how long setup and steps may take, where it is shorter than the scenario's own limit.
        """
        self.log.record(ScenarioStarted, scenario=self.id)
        try:
            await self._steps_in_time(timeout_s)
            await self._judge_gates()
            await self._diagnose()
        except BaseException:
            await asyncio.shield(self._end())
            raise
        await self._end()
        return self._finish()

    async def _steps_in_time(self, timeout_s: float | None) -> None:
        limits = [limit for limit in (self.scenario.timeout_s, timeout_s) if limit is not None]
        try:
            async with asyncio.timeout(min(limits) if limits else None) as limit:
                for phase, calls in (("setup", self.scenario.setup), ("steps", self.scenario.steps)):
                    if not await self._phase(phase, calls):
                        return
        except TimeoutError:
            if not limit.expired():
                raise
            self.outcomes.append(Outcome(Verdict.FAILED, f"took longer than {min(limits):g} s"))

    async def _phase(self, phase: str, calls: tuple[StepCall, ...]) -> bool:
        """Run the steps of a phase in order up to the first that does not pass; whether all did."""
        for call in calls:
            outcome = await self._step(phase, call)
            self.outcomes.append(outcome)
            if outcome.verdict is not Verdict.PASSED:
                return False
        return True

    # --- one step -------------------------------------------------------------------------------------------

    async def _step(self, phase: str, call: StepCall) -> Outcome:
        """Run a step and judge its expectations; its values are saved even where an expectation fails."""
        index = self._steps_begun
        self._steps_begun += 1
        self.log.record(
            StepStarted, scenario=self.id, index=index, phase=phase, kind=call.kind, title=call.title
        )
        started_s = self.log.now_s()
        values: Values = {}
        exchange: Exchange | None = None
        self._judged = []
        self._found = []
        try:
            async with asyncio.timeout(call.timeout_s) as limit:
                step = self._prepare({call.kind: call.config})
                values = await step.run(self._context(call, index))
            outcome = _worst([*self._judged, self._judge_expectations(call, index, values)])
        except (ItestError, TimeoutError, ExceptionGroup) as problem:
            if isinstance(problem, EvidenceLost) or (
                isinstance(problem, TimeoutError) and not limit.expired()
            ):
                raise
            error = _first_error(problem, call)
            outcome = Outcome(_verdict_of(error), error.message + (f" ({error.hint})" if error.hint else ""))
            exchange = error.exchange if isinstance(error, RequestFailed) else None
            values = dict(error.values) if isinstance(error, NotEnoughEvidence) else {}
        if self._found:
            outcome = _worst(
                [outcome, *self._found] if outcome.verdict is not Verdict.PASSED else self._found
            )
        if call.save is not None:
            self.saved[call.save] = values
            self._record_series(call.save, values)
        self.log.record(
            StepFinished,
            scenario=self.id,
            index=index,
            phase=phase,
            kind=call.kind,
            title=call.title,
            verdict=outcome.verdict,
            reason=outcome.reason,
            started_s=started_s,
            duration_s=self.log.now_s() - started_s,
            where=_where(call),
            source_line=call.source.line,
            values=_scalars(values),
            exchange=exchange,
        )
        return outcome

    def _prepare(self, call: Mapping[str, Any]) -> Step:
        """The step of `{kind: config}`, with its look-ups resolved and its config checked."""
        kind, config = next(iter(call.items()))
        try:
            resolved = resolve(config or {}, lookup_in(self._values()))
            step = STEPS[kind].model_validate(resolved)
        except KeyError as problem:
            raise CannotMeasure(f"{problem.args[0]!r} has no value here") from problem
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise CannotMeasure(f"{kind}.{where}: {first['msg']}") from problem
        assert isinstance(step, Step)  # noqa: S101 - the registry holds nothing else
        return step

    def _context(self, call: StepCall, index: int) -> StepContext:
        services = self.services
        api = self._speaker(call)
        return StepContext(
            http=services.http,
            api=api,
            ledger=self.ledger if api is services.api else self.ledger.of(api),
            scene=self._scene(call, index),
            dataset=services.dataset,
            prepare=self._prepare,
            progress=lambda text: self.log.progress(self.id, f"{call.kind} {text}"),
            clock=services.clock,
            sleep=services.sleep,
            seed=services.seed,
            label=f"itest {services.run_id[:8]} {self.id}"[:120],
            target=services.target,
            probing=services.probing,
            find=self._record_finding,
            confidence=services.confidence,
            keep=lambda values: self._keep(call, values),
            shared=services.shared,
            expected=frozenset(name.parts[0] for gate in call.expect for name in names(gate.expression)),
        )

    def _keep(self, call: StepCall, values: Values) -> None:
        """Save what a step has measured when it is being stopped: a partial report is better than none."""
        if call.save is not None:
            self.saved[call.save] = values
            self._record_series(call.save, values)

    def _record_finding(self, finding: Finding) -> None:
        """Write a finding down, and let it count as `--fail-on` and the waivers say."""
        probe, fail_on = finding.probe, self.services.probing.fail_on
        self.log.record(
            FindingRecorded,
            scenario=self.id,
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
        )
        verdict = finding.verdict
        if not counts(finding, fail_on):  # reported, not held against the run
            light = {Verdict.FAILED: Verdict.PASSED, Verdict.INCONCLUSIVE: Verdict.SKIPPED}
            verdict = light.get(verdict, verdict)
        self._found.append(Outcome(verdict, f"{probe.id} {probe.title}: {finding.reason}"))

    def _speaker(self, call: StepCall) -> PlatformApi:
        """Who makes the step's requests: the run's own account, or the actor that `as` names."""
        if call.actor is None:
            return self.services.api
        session = self.saved.get(call.actor, {}).get("session")
        if not isinstance(session, PlatformApi):
            raise CannotMeasure(f"as: {call.actor!r} was not saved by an `actor` step")
        return session

    def _scene(self, call: StepCall, index: int) -> Scene:
        services = self.services

        def expect(text: str, values: Mapping[str, Any], *, where: str, line: str) -> None:
            judged = judge_condition(
                parse(text),
                {**self._values(), **values},
                confidence=services.confidence,
                min_samples=services.min_samples,
                absent=Verdict.FAILED,
            )
            self._record_judgement(text, judged, index, where=where, line=line)
            self._judged.append(Outcome(judged.verdict, f"{text}: {judged.reason}"))
            if judged.verdict is Verdict.FAILED:
                raise StepFailed(f"{where}: {text}: {judged.reason}")

        return Scene(
            folder=Path(call.source.place.file).parent,
            values=self._values(),
            expect=expect,
            unmet=lambda values: self._unmet(call, values),
            accounts=services.accounts or Accounts(services.api, services.target),
            ledger_of=self.ledger.of,
            clean=lambda: self.ledger.clean(services.api),
            restart=services.target.restart,
        )

    def _unmet(self, call: StepCall, values: Values) -> str | None:
        """The first expectation that these values don't meet, and why."""
        scope = {**self._values(), **values}
        for gate in call.expect:
            judged = judge_condition(gate.expression, scope, absent=Verdict.FAILED)
            if judged.verdict is not Verdict.PASSED:
                return f"{gate.expression.text}: {judged.reason}"
        return None

    # --- judging --------------------------------------------------------------------------------------------

    def _values(self) -> dict[str, Any]:
        """Every name that an expression may use here."""
        scenario, services = self.scenario, self.services
        info = services.target.info
        return {
            **self.saved,
            "matrix": scenario.matrix,
            "vars": scenario.vars,
            "benchmarks": scenario.benchmarks,
            "run": {"id": services.run_id, "seed": services.seed},
            "target": {
                "url": info.url,
                "kind": info.kind,
                "version": info.version,
                **services.observer.since(self._started_s),
            },
        }

    def _judge_expectations(self, call: StepCall, index: int, values: Values) -> Outcome:
        scope = {**self._values(), **values}
        judged = [self._judge(gate, scope, index, absent=Verdict.FAILED) for gate in call.expect]
        return _worst(judged) if judged else Outcome(Verdict.PASSED)

    async def _judge_gates(self) -> None:
        if any(name.parts[0] == "target" for gate in self.scenario.gates for name in names(gate.expression)):
            await self.services.observer.look()
        scope = self._values()
        self.outcomes += [
            self._judge(gate, scope, None, absent=Verdict.INCONCLUSIVE) for gate in self.scenario.gates
        ]

    def _judge(self, gate: Gate, scope: Mapping[str, Any], step: int | None, *, absent: Verdict) -> Outcome:
        judged = judge_condition(
            gate.expression,
            scope,
            confidence=gate.confidence or self.services.confidence,
            min_samples=gate.min_samples or self.services.min_samples,
            absent=absent,
        )
        place = gate.source.place
        self._record_judgement(
            gate.expression.text, judged, step, where=f"{place.file}:{place.line}", line=gate.source.line
        )
        if judged.verdict is Verdict.PASSED:
            return Outcome(Verdict.PASSED)
        return Outcome(judged.verdict, f"{gate.expression.text}: {judged.reason}")

    def _record_judgement(
        self, expression: str, judged: Judged, step: int | None, *, where: str = "", line: str = ""
    ) -> None:
        self.log.record(
            GateJudged,
            scenario=self.id,
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
            where=where,
            source_line=line,
        )

    # --- the end --------------------------------------------------------------------------------------------

    async def _diagnose(self) -> None:
        """Where something went wrong: run `catch`, and keep the target's last log lines."""
        if combine(outcome.verdict for outcome in self.outcomes) in (Verdict.PASSED, Verdict.INCONCLUSIVE):
            return
        for call in self.scenario.catch:
            await self._step("catch", call)
        lines = tuple(self.services.target.log_lines(_SHOWN_LOG_LINES))
        if lines:
            self.log.record(
                DiagnosticsCollected, scenario=self.id, title="the target's last log lines", lines=lines
            )

    async def _end(self) -> None:
        """`finally`, then the clean-up: both always, both bounded in time."""
        try:
            async with asyncio.timeout(CLEANUP_TIMEOUT_S):
                for call in self.scenario.finally_:
                    self.outcomes.append(await self._step("finally", call))
                left = await self.ledger.clean(self.services.api)
        except TimeoutError:
            left = [f"the clean-up took longer than {CLEANUP_TIMEOUT_S:g} s"]
        if self.ledger.created_count == 0 and not left:
            return
        verdict = Verdict.FAILED if left else Verdict.PASSED
        remaining = max(len(self.ledger.entries), len(left))
        reason = "; ".join(left[:5]) if left else "everything that the scenario created is gone"
        judged = Judged(verdict, reason, remaining, 0, "==", n=self.ledger.created_count)
        self._record_judgement("resource_cleanup", judged, None)
        self.outcomes.append(Outcome(verdict, f"resource_cleanup: {reason}"))

    def _finish(self) -> Verdict:
        outcome = _worst(self.outcomes)
        self.log.record(
            ScenarioFinished,
            scenario=self.id,
            verdict=outcome.verdict,
            reason=outcome.reason,
            started_s=self._started_s,
            duration_s=self.log.now_s() - self._started_s,
        )
        return outcome.verdict

    def _record_series(self, prefix: str, values: Values) -> None:
        for name, value in values.items():
            if isinstance(value, Samples) and value.n:
                self.log.record(MetricRecorded, scenario=self.id, **_metric(f"{prefix}.{name}", value))


def _worst(outcomes: list[Outcome]) -> Outcome:
    """The outcome of the whole: its verdict, and the reason of the first part that has it."""
    verdict = combine(outcome.verdict for outcome in outcomes)
    if verdict is Verdict.PASSED:
        return Outcome(verdict)
    reasons = [outcome.reason for outcome in outcomes if outcome.verdict is verdict and outcome.reason]
    return Outcome(verdict, reasons[0] if reasons else "nothing was checked")


def _first_error(
    problem: ItestError | TimeoutError | ExceptionGroup[Exception], call: StepCall
) -> ItestError:
    """The error to show: of several users' failures the first; anything that is not ours goes on up."""
    if isinstance(problem, ExceptionGroup):
        ours, rest = problem.split(ItestError)
        if rest is not None or ours is None:
            raise problem
        first = ours.exceptions[0]
        return _first_error(first, call)
    if isinstance(problem, TimeoutError):
        return StepFailed(f"{call.kind} took longer than {call.timeout_s:g} s")
    return problem


def _verdict_of(error: ItestError) -> Verdict:
    match error:
        case StepFailed():
            return Verdict.FAILED
        case NotEnoughEvidence():
            return Verdict.INCONCLUSIVE
        case NotApplicable():
            return Verdict.SKIPPED
        case _:
            return Verdict.ERROR


def _where(call: StepCall) -> str:
    return f"{call.source.place.file}:{call.source.place.line}"


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


def _scalars(values: Values) -> dict[str, Any]:
    """What of a step's values fits on a line of a report: plain values, and measured ones as numbers."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        if callable(value):
            value = value(0.95)  # noqa: PLW2901 - an inference, for showing
        if isinstance(value, Estimate):
            shown[name] = value.value
        elif value is None or isinstance(value, bool | int | float):
            shown[name] = value
        elif isinstance(value, str):
            shown[name] = value if len(value) <= 200 else value[:197] + "…"
    return shown


def _plain(value: Any) -> Any:
    """A value as JSON has it, cut to a readable length."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 500 else text[:497] + "…"
