"""From a scenario's start to its end: the order in which things happen, and what happens whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from pynomaly_itest.gates import Judged
from pynomaly_itest.ledger import CleanupLedger
from pynomaly_itest.lifecycle.ending import to_its_end
from pynomaly_itest.lifecycle.evidence import unasserted
from pynomaly_itest.lifecycle.judging import Judge
from pynomaly_itest.lifecycle.outcome import Outcome, of_scenario
from pynomaly_itest.lifecycle.recorder import Recorder
from pynomaly_itest.lifecycle.scope import Scope
from pynomaly_itest.lifecycle.services import Services
from pynomaly_itest.lifecycle.stepping import StepRunner
from pynomaly_itest.profile.expression import names
from pynomaly_itest.profile.model import Scenario, StepCall
from pynomaly_itest.results import combine
from pynomaly_itest.testing.checking import counting
from pynomaly_itest.verdicts import Verdict

END_TIMEOUT_S = 30.0
_SHOWN_LOG_LINES = 40


@dataclass
class ScenarioRun:
    """One scenario under way; `run` takes it from its start to its end and gives its verdict.

    `patience_s`: how long `finally` may take, and then the clean-up.
    """

    scenario: Scenario
    services: Services
    outcomes: list[Outcome] = field(default_factory=list)
    patience_s: float = END_TIMEOUT_S

    def __post_init__(self) -> None:
        log = self.services.log
        self.recorder = Recorder(log, self.scenario.id)
        self.scope = Scope(self.scenario, self.services, log.now_s())
        self.ledger = CleanupLedger(self.scenario.id, log)
        self.judge = Judge(self.recorder, self.services.confidence, self.services.min_samples)
        self.steps = StepRunner(self.scope, self.recorder, self.judge, self.ledger)

    async def run(self, timeout_s: float | None = None) -> Verdict:
        """Run it all; raises nothing but EvidenceLost, and CancelledError after the clean-up.

        timeout_s: how long setup and steps may take, where it is shorter than the scenario's own limit.
        """
        self.recorder.started()
        try:
            with counting() as checks:
                await self._steps_in_time(timeout_s)
            await self._judge_gates()
            if nothing := unasserted(self.scenario, checks):
                self.outcomes.append(nothing)
            await self._diagnose()
        finally:
            await to_its_end(self._end())
        outcome = of_scenario(self.outcomes)
        self.recorder.finished(outcome, self.scope.started_s)
        return outcome.verdict

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
            self.outcomes.append(_cut_off(self.scenario.timeout_s, timeout_s))

    async def _phase(self, phase: str, calls: tuple[StepCall, ...]) -> bool:
        """Run the steps of a phase in order up to the first that does not pass; whether all did."""
        for call in calls:
            outcome = await self.steps.run(phase, call)
            self.outcomes.append(outcome)
            if outcome.verdict is not Verdict.PASSED:
                return False
        return True

    async def _judge_gates(self) -> None:
        if any(outcome.verdict is Verdict.SKIPPED for outcome in self.outcomes):
            return  # the rest of the scenario does not apply, nor do its gates
        if any(name.parts[0] == "target" for gate in self.scenario.gates for name in names(gate.expression)):
            await self.services.observer.look()
        self.outcomes += self.judge.gates(self.scenario.gates, self.scope.values())

    async def _diagnose(self) -> None:
        """Where something went wrong: run `catch`, and keep the target's last log lines."""
        if combine(outcome.verdict for outcome in self.outcomes) in (Verdict.PASSED, Verdict.INCONCLUSIVE):
            return
        with contextlib.suppress(
            TimeoutError
        ):  # what was found by then is kept; more would only delay the rest
            async with asyncio.timeout(self.patience_s):
                for call in self.scenario.catch:
                    await self.steps.run("catch", call)
        lines = tuple(self.services.target.log_lines(_SHOWN_LOG_LINES))
        self.recorder.diagnostics("the target's last log lines", lines)

    async def _end(self) -> None:
        """`finally`, then the clean-up: both always, each bounded in time."""
        try:
            async with asyncio.timeout(self.patience_s):
                for call in self.scenario.finally_:
                    self.outcomes.append(await self.steps.run("finally", call))
        except TimeoutError:
            self.outcomes.append(Outcome(Verdict.FAILED, f"finally took longer than {self.patience_s:g} s"))
        try:
            async with asyncio.timeout(self.patience_s):
                left = await self.ledger.clean(self.services.api)
        except TimeoutError:
            left = [f"the clean-up took longer than {self.patience_s:g} s"]
        if self.ledger.created_count or left:
            self._judge_clean_up(left)

    def _judge_clean_up(self, left: list[str]) -> None:
        verdict = Verdict.FAILED if left else Verdict.PASSED
        remaining = max(len(self.ledger.entries), len(left))
        reason = "; ".join(left[:5]) if left else "everything that the scenario created is gone"
        judged = Judged(verdict, reason, remaining, 0, "==", n=self.ledger.created_count)
        self.recorder.judged("resource_cleanup", judged, step=None)
        self.outcomes.append(Outcome(verdict, f"resource_cleanup: {reason}"))


def _cut_off(own_s: float | None, left_s: float | None) -> Outcome:
    """A scenario's own limit is a demand on the target; that the run's time was over says nothing about it."""
    if own_s is not None and (left_s is None or own_s <= left_s):
        return Outcome(Verdict.FAILED, f"took longer than {own_s:g} s")
    return Outcome(Verdict.ERROR, f"cut off after {left_s or 0.0:.3g} s: the time for the whole run was over")
