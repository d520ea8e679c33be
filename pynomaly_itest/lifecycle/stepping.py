"""One step of a scenario: its config resolved and checked, run in time, its result judged, saved and written down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pynomaly_itest.errors import CannotMeasure, EvidenceLost, ItestError, NotEnoughEvidence, StepFailed
from pynomaly_itest.events import Exchange
from pynomaly_itest.ledger import CleanupLedger
from pynomaly_itest.lifecycle.judging import Judge
from pynomaly_itest.lifecycle.outcome import PASSED, Outcome, of_error, worst
from pynomaly_itest.lifecycle.recorder import Recorder
from pynomaly_itest.lifecycle.scope import Scope
from pynomaly_itest.probing.engine import Finding, counts
from pynomaly_itest.profile.expression import names, resolve
from pynomaly_itest.profile.expression.evaluator import lookup_in
from pynomaly_itest.profile.model import Gate, StepCall
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.scene import Scene
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.http import Http, RequestFailed
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.verdicts import Verdict


@dataclass
class StepRunner:
    """Runs a scenario's steps, one after the other."""

    scope: Scope
    recorder: Recorder
    judge: Judge
    ledger: CleanupLedger
    _begun: int = 0
    _sessions: dict[str | None, Http] = field(default_factory=dict)

    async def run(self, phase: str, call: StepCall) -> Outcome:
        """Run a step and judge it; its values are saved even where an expectation fails."""
        step = _Step(self, call, self._begun)
        self._begun += 1
        self.recorder.step_started(call, step.index, phase)
        started_s = self.recorder.log.now_s()
        outcome = await step.run()
        if call.save is not None and not step.is_saved:
            self.save(call.save, step.values)
        self.recorder.step_finished(call, step.index, phase, outcome, started_s, step.values, step.exchange)
        return outcome

    def save(self, name: str, values: Values) -> None:
        """Give later expressions the values under this name, and plots their series."""
        self.scope.saved[name] = values
        self.recorder.series(name, values)

    def session(self, actor: str | None) -> Http:
        """The way out for one speaker of this scenario: its cookies are nobody else's, and end with the scenario."""
        if actor not in self._sessions:
            self._sessions[actor] = self.scope.services.http.session()
        return self._sessions[actor]

    def context(self, call: StepCall) -> StepContext:
        """What the step of this call would be given, for who only wants to know what it would ask."""
        return _Step(self, call, self._begun).context()

    def prepare(self, call: Mapping[str, Any]) -> Step:
        """The step of `{kind: config}`, with its look-ups resolved and its config checked."""
        kind, config = next(iter(call.items()))
        try:
            resolved = resolve(config or {}, lookup_in(self.scope.values()))
            step = STEPS[kind].model_validate(resolved)
        except KeyError as problem:
            raise CannotMeasure(f"{problem.args[0]!r} has no value here") from problem
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise CannotMeasure(f"{kind}.{where}: {first['msg']}") from problem
        except (TypeError, ValueError, OverflowError) as problem:  # values that can't be compared
            raise CannotMeasure(f"a look-up of {kind} has no value: {problem}") from problem
        assert isinstance(step, Step)  # noqa: S101 - the registry holds nothing else
        return step


@dataclass
class _Step:
    """One step under way: what it produced, what was judged and found in it."""

    runner: StepRunner
    call: StepCall
    index: int
    values: Values = field(default_factory=dict)
    exchange: Exchange | None = None
    judged: list[Outcome] = field(default_factory=list)
    found: list[Outcome] = field(default_factory=list)
    is_saved: bool = False

    async def run(self) -> Outcome:
        try:
            async with asyncio.timeout(self.call.timeout_s) as limit:
                step = self.runner.prepare({self.call.kind: self.call.config})
                self.values = await step.run(self.context())
        except (ItestError, TimeoutError, ExceptionGroup) as problem:
            if isinstance(problem, EvidenceLost) or (
                isinstance(problem, TimeoutError) and not limit.expired()
            ):
                raise
            return self._with_findings(self._of(_first_error(problem, self.call)))
        known = self._known(self.values)
        self.judged += self.runner.judge.expectations(self.call.expect, known, self.index)
        return self._with_findings(worst(self.judged) if self.judged else PASSED)

    def _known(self, own: Values) -> dict[str, Any]:
        """The names that the step's `expect` sees: what the step promises to give before all others.

        What else is in its values came from the target, which must not say what `benchmarks` or `before` is.
        """
        shape = STEPS[self.call.kind].shape(self.call.config)
        promised = shape.fields if isinstance(shape, Record) else {}
        first = {name: own[name] for name in promised if name in own}
        return {**own, **self.runner.scope.values(), **first}

    def _of(self, error: ItestError) -> Outcome:
        """What an error means, with the evidence it carries."""
        if isinstance(error, RequestFailed):
            self.exchange = error.exchange
        if isinstance(error, NotEnoughEvidence):
            self.values = dict(error.values)
        return of_error(error)

    def _with_findings(self, outcome: Outcome) -> Outcome:
        """Findings decide where nothing else went wrong; a step that only probes has no outcome of its own."""
        if not self.found:
            return outcome
        return worst(self.found if outcome.verdict is Verdict.PASSED else [outcome, *self.found])

    def context(self) -> StepContext:
        services, call = self.runner.scope.services, self.call
        api = self._speaker()
        return StepContext(
            http=self.runner.session(call.actor),
            api=api,
            ledger=self.runner.ledger if api is services.api else self.runner.ledger.of(api),
            scene=self._scene(),
            dataset=services.dataset,
            prepare=self.runner.prepare,
            progress=lambda text: self.runner.recorder.progress(f"{call.kind} {text}"),
            clock=services.clock,
            sleep=services.sleep,
            seed=services.seed,
            label=f"itest {services.run_id[:8]} {self.runner.recorder.scenario}"[:120],
            target=services.target,
            probing=services.probing,
            find=self._find,
            confidence=services.confidence,
            keep=self._keep,
            shared=services.shared,
            observer=services.observer,
            expected=frozenset(name.parts[0] for gate in call.expect for name in names(gate.expression)),
            gated=self._gated(),
            mark=self._mark,
            adapter=services.adapter,
        )

    def _gated(self) -> frozenset[str]:
        """What the scenario's gates ask about of what the step saves."""
        asked = [name.parts for gate in self._gates_on_it() for name in names(gate.expression)]
        return frozenset(parts[1] for parts in asked if parts[0] == self.call.save and len(parts) > 1)

    def _gates_on_it(self) -> list[Gate]:
        save = self.call.save
        return [
            gate
            for gate in self.runner.scope.scenario.gates
            if save is not None and any(name.parts[0] == save for name in names(gate.expression))
        ]

    def _speaker(self) -> PlatformApi:
        """Who makes the step's requests: the run's own account, or the actor that `as` names."""
        if self.call.actor is None:
            return self.runner.scope.services.api
        session = self.runner.scope.saved.get(self.call.actor, {}).get("session")
        if not isinstance(session, PlatformApi):
            raise CannotMeasure(f"as: {self.call.actor!r} was not saved by an `actor` step")
        return session

    def _scene(self) -> Scene:
        services, values = self.runner.scope.services, self.runner.scope.values()
        return Scene(
            folder=Path(self.call.source.place.file).parent,
            values=values,
            expect=self._expect,
            unmet=lambda own: self.runner.judge.unmet(self.call.expect, self._known(own)),
            undecided=self._undecided,
            accounts=services.accounts or Accounts(services.api, services.target, services.run_id),
            ledger_of=self.runner.ledger.of,
            clean=lambda: self.runner.ledger.clean(services.api),
            restart=services.target.restart,
        )

    def _undecided(self, own: Values) -> str | None:
        """The first of the step's expectations, or of the gates on what it saves, that needs more samples."""
        judge, saved = self.runner.judge, {**self.runner.scope.values(), str(self.call.save): own}
        return judge.undecided(self.call.expect, self._known(own)) or judge.undecided(
            self._gates_on_it(), saved
        )

    def _expect(self, text: str, values: Mapping[str, Any], *, where: str, line: str) -> None:
        known = {**self.runner.scope.values(), **values}
        outcome = self.runner.judge.text(text, known, self.index, where=where, line=line)
        self.judged.append(outcome)
        if outcome.verdict is Verdict.FAILED:
            raise StepFailed(f"{where}: {outcome.reason}")

    def _find(self, finding: Finding) -> None:
        """Write a finding down, and let it count as `--fail-on` and the waivers say."""
        self.runner.recorder.found(finding)
        verdict = finding.verdict
        if not counts(finding, self.runner.scope.services.probing.fail_on):  # told, not held against the run
            light = {Verdict.FAILED: Verdict.PASSED, Verdict.INCONCLUSIVE: Verdict.SKIPPED}
            verdict = light.get(verdict, verdict)
        self.found.append(Outcome(verdict, f"{finding.probe.id} {finding.probe.title}: {finding.reason}"))

    def _mark(
        self, name: str, started_s: float, ended_s: float, recovered_s: float | None, details: tuple[str, ...]
    ) -> None:
        """A fault in the log, its times by the log's clock rather than the steps'."""
        ahead_s = self.runner.recorder.log.now_s() - self.runner.scope.services.clock()
        back_s = None if recovered_s is None else recovered_s + ahead_s
        self.runner.recorder.fault(name, started_s + ahead_s, ended_s + ahead_s, back_s, details)

    def _keep(self, values: Values) -> None:
        """Save what was measured when the step is being stopped, or fails: a partial report is better than none."""
        self.values = dict(values)
        if self.call.save is not None:
            self.runner.save(self.call.save, values)
            self.is_saved = True


def _first_error(
    problem: ItestError | TimeoutError | ExceptionGroup[Exception], call: StepCall
) -> ItestError:
    """The error to show: of several users' failures the first; anything that is not ours goes on up."""
    if isinstance(problem, ExceptionGroup):
        ours, rest = problem.split(ItestError)
        if rest is not None or ours is None:
            raise problem
        return _first_error(ours.exceptions[0], call)
    if isinstance(problem, TimeoutError):
        return StepFailed(f"{call.kind} took longer than {call.timeout_s:g} s")
    return problem
