"""Whose turn it is, and on which platform: a scenario is run, carried over, or passed over with a reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.errors import TargetUnreachable
from pynomaly_itest.events import ScenarioFinished, TargetReady
from pynomaly_itest.faulting.needs import needs_of
from pynomaly_itest.isolation import own_platform
from pynomaly_itest.lifecycle import ScenarioRun, Services
from pynomaly_itest.profile.model import Plan, Scenario
from pynomaly_itest.run_options import RunOptions
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.requirements import unmet
from pynomaly_itest.together import all_or_none
from pynomaly_itest.verdicts import Verdict

_KNOCKS_S = (0.0, 0.5, 1.5)


@dataclass
class Turns:
    """Gives each scenario its turn, or the reason why it gets none; `is_ready`: a platform has been started."""

    services: Services
    options: RunOptions
    is_ready: bool
    failures: int = 0
    gone: str | None = None
    """Why nothing can be asked any more: found out behind a scenario that did not pass."""

    async def all_of(self, scenarios: Sequence[Scenario]) -> None:
        """Scenarios that measure time run alone; the others up to `jobs` at a time, before them."""
        jobs = self.options.jobs
        side_by_side = [scenario for scenario in scenarios if jobs > 1 and not scenario.exclusive]
        waiting = iter(side_by_side)

        async def worker() -> None:
            for scenario in waiting:
                await self._take(scenario)

        await all_or_none([worker() for _ in range(min(jobs, len(side_by_side)))])
        for scenario in scenarios:
            if scenario not in side_by_side:
                await self._take(scenario)

    async def _take(self, scenario: Scenario) -> None:
        log, options = self.services.log, self.options
        left_s = options.left_s(log.now_s())
        if scenario.id in options.carried:
            self._carry(scenario)
        elif options.maxfail is not None and self.failures >= options.maxfail:
            self._pass_over(scenario, Verdict.SKIPPED, f"--maxfail {options.maxfail} was reached")
        elif left_s is not None and left_s <= 0:
            self._pass_over(scenario, Verdict.ERROR, f"not run: --timeout {options.timeout_s:g} was over")
        elif scenario.unmet is not None:
            self._pass_over(scenario, Verdict.SKIPPED, scenario.unmet)
        elif reason := await unmet(scenario.requires, self.services.target, options.environment):
            self._pass_over(scenario, Verdict.SKIPPED, reason)
        elif self.gone is not None and not _is_on_its_own(scenario, options):
            self._pass_over(scenario, Verdict.ERROR, f"not run: {self.gone}")
            self.failures += 1
        elif await self._run(scenario, left_s) in (Verdict.FAILED, Verdict.ERROR):
            self.failures += 1
            if self.gone is None and not _is_on_its_own(scenario, options):
                self.gone = await self._why_silent()

    async def _why_silent(self) -> str | None:
        """Why the run's platform answers nothing at all, asked a few times; None where it answers, whatever it says."""
        target, why = self.services.target, None
        for pause_s in _KNOCKS_S:
            if ended := target.ended():
                return ended
            await self.services.sleep(pause_s)
            why = await target.silent()
            if why is None:
                return None
        return f"the target stopped answering: {why}"

    def _carry(self, scenario: Scenario) -> None:
        """What an earlier run finished is told again, and counts as it did there."""
        for event in self.options.carried[scenario.id]:
            self.services.log.carry(event)
        if self.options.carried[scenario.id][-1].verdict in (Verdict.FAILED, Verdict.ERROR):
            self.failures += 1

    async def _run(self, scenario: Scenario, left_s: float | None) -> Verdict:
        """On the run's platform, or on one of its own where it or --isolate asks for that."""
        own, needs = scenario.target_settings, needs_of(scenario)
        if not _is_on_its_own(scenario, self.options):
            if reason := self.services.target.ended():
                return self._pass_over(scenario, Verdict.ERROR, f"not run: {reason}")
            return await ScenarioRun(scenario, self.services).run(left_s)
        if self.options.fresh_target is None:
            reason = "wants a platform of its own, and only the bundled one can be started for it"
            return self._pass_over(scenario, Verdict.SKIPPED, reason)
        began_s = self.services.log.now_s()
        try:
            async with contextlib.AsyncExitStack() as platform:
                async with asyncio.timeout(left_s) as limit:
                    starting = own_platform(self.services, self.options.fresh_target, own or {}, needs)
                    services = await platform.enter_async_context(starting)
                self._tell_ready(services.target, began_s)
                now_s = self.services.log.now_s()
                return await ScenarioRun(scenario, services).run(self.options.left_s(now_s))
        except TimeoutError:
            if not limit.expired():
                raise
            reason = f"not run: its platform was not ready when --timeout {self.options.timeout_s:g} was over"
            return self._pass_over(scenario, Verdict.ERROR, reason)
        except TargetUnreachable as problem:
            if own is None and not self.is_ready:
                raise  # no platform at all can be started: that ends the run, and is told once
            reason = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
            return self._pass_over(scenario, Verdict.ERROR, reason)

    def _tell_ready(self, target: Target, began_s: float) -> None:
        """Where no platform is shared, the first that is started stands for all: they are of the same build."""
        if not self.is_ready:
            self.is_ready = True
            log = self.services.log
            log.record(TargetReady, target=target.info, duration_s=log.now_s() - began_s)

    def _pass_over(self, scenario: Scenario, verdict: Verdict, reason: str) -> Verdict:
        log = self.services.log
        log.record(
            ScenarioFinished,
            scenario=scenario.id,
            verdict=verdict,
            reason=reason,
            started_s=log.now_s(),
            duration_s=0.0,
        )
        return verdict


def _is_on_its_own(scenario: Scenario, options: RunOptions) -> bool:
    """Whether the scenario runs on a platform that is started for it alone."""
    return options.isolate or scenario.target_settings is not None or bool(needs_of(scenario))


def all_on_their_own(plan: Plan, options: RunOptions) -> bool:
    """Whether a platform for all would stand idle."""
    can_start = options.fresh_target is not None
    return can_start and all(_is_on_its_own(scenario, options) for scenario in plan.scenarios)
