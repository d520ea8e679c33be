"""A plan and a target in, events out: the whole program on a page."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pynomaly_itest import __version__
from pynomaly_itest.carrying import Carried, check_target, fingerprint_of
from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.environment import describe_environment
from pynomaly_itest.errors import CannotMeasure, EvidenceLost, ItestError, TargetUnreachable, bug_fields
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    PlannedScenario,
    RunAborted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    ScenarioFinished,
    TargetInfo,
    TargetReady,
    TargetSampled,
    Warned,
)
from pynomaly_itest.faulting.needs import needs_of
from pynomaly_itest.isolation import FreshTarget, own_platform
from pynomaly_itest.lifecycle import ScenarioRun, Services, to_its_end
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.profile.model import Plan, Scenario
from pynomaly_itest.shelf import Shelf
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer, Reading
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.target.requirements import unmet
from pynomaly_itest.together import all_or_none
from pynomaly_itest.verdicts import Verdict


@dataclass(frozen=True)
class RunOptions:
    """How to run a plan. `reproduce` is a command that does it again, without secrets; `files` are the datasets
    that were read from files already."""

    run_id: str
    seed: int = 42
    jobs: int = 1
    maxfail: int | None = None
    timeout_s: float | None = None
    inconclusive_passes: bool = False
    reproduce: str = ""
    arguments: tuple[str, ...] = ()
    carried: Carried = field(default_factory=dict, repr=False)
    carried_target: TargetInfo | None = None
    isolate: bool = False
    fresh_target: FreshTarget | None = None
    probing: ProbeOptions = field(default_factory=ProbeOptions)
    files: Mapping[str, Dataset] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    afterwards: Callable[[EventLog], Awaitable[None]] | None = None
    """What is to be done when all scenarios are over, such as holding them against a baseline."""


async def run(plan: Plan, target: Target, log: EventLog, options: RunOptions) -> None:
    """Run the whole plan and tell the log of it. Never raises for what the target or a scenario does.

    Raises EvidenceLost where the log can't be written; CancelledError (Ctrl-C) after the clean-up.
    """
    _announce(plan, target, log, options)
    for waiver in options.probing.waivers.expired():
        log.record(
            Warned,
            message=f"the waiver of {waiver.owner} for {waiver.fingerprint[:12]} ended {waiver.expires}",
        )
    try:
        if not _all_on_their_own(plan, options):
            began_s = log.now_s()
            await target.start()
            log.record(TargetReady, target=target.info, duration_s=log.now_s() - began_s)
            check_target(options.carried, options.carried_target, target.info)
        await _run_scenarios(plan, target, log, options)
        if change := await target.changed():
            raise CannotMeasure(
                f"the target changed under way: {change}", hint="run it again when it is at rest"
            )
        if options.afterwards is not None:
            await options.afterwards(log)
    except asyncio.CancelledError:
        log.record(RunInterrupted, reason="stopped by a signal")
        raise
    except EvidenceLost:
        raise
    except ItestError as problem:
        log.record(RunAborted, exit_code=int(problem.exit_code), message=problem.message, hint=problem.hint)
    except (Exception, SystemExit) as bug:
        log.record(RunAborted, **bug_fields(bug))
    finally:
        await _close(target, log)


async def _run_scenarios(plan: Plan, target: Target, log: EventLog, options: RunOptions) -> None:
    """Scenarios that measure time run alone; the others up to `jobs` at a time, before them."""
    observer = Observer(target, log.now_s, lambda reading: _tell(log, reading))
    is_shared = not _all_on_their_own(plan, options)
    watching = observer.watching() if is_shared else contextlib.nullcontext()
    async with target.client(timeout_s=30.0) as client, watching:
        http = Http(client, target.redactor, options.run_id)
        api = PlatformApi(http, target.credentials, target.redactor)
        services = Services(
            target=target,
            http=http,
            api=api,
            observer=observer,
            log=log,
            dataset=Shelf(plan.datasets, options.files).take,
            confidence=plan.confidence,
            min_samples=plan.min_samples or 1,
            accounts=Accounts(api, target),
            seed=options.seed,
            run_id=options.run_id,
            probing=options.probing,
        )
        queue = _Queue(services, options, is_ready=is_shared)
        side_by_side = [
            scenario for scenario in plan.scenarios if options.jobs > 1 and not scenario.exclusive
        ]
        waiting = iter(side_by_side)

        async def worker() -> None:
            for scenario in waiting:
                await queue.take(scenario)

        await all_or_none([worker() for _ in range(min(options.jobs, len(side_by_side)))])
        for scenario in plan.scenarios:
            if scenario not in side_by_side:
                await queue.take(scenario)


@dataclass
class _Queue:
    """Gives each scenario its turn, or the reason why it gets none; `is_ready`: a platform has been started."""

    services: Services
    options: RunOptions
    is_ready: bool
    failures: int = 0

    async def take(self, scenario: Scenario) -> None:
        log, options = self.services.log, self.options
        left_s = None if options.timeout_s is None else options.timeout_s - log.now_s()
        if scenario.id in options.carried:
            self._carry(scenario)
        elif options.maxfail is not None and self.failures >= options.maxfail:
            self._pass_over(scenario, Verdict.SKIPPED, f"--maxfail {options.maxfail} was reached")
        elif left_s is not None and left_s <= 0:
            self._pass_over(scenario, Verdict.ERROR, f"not run: --timeout {options.timeout_s:g} was over")
        elif reason := await unmet(scenario.requires, self.services.target, options.environment):
            self._pass_over(scenario, Verdict.SKIPPED, reason)
        elif await self._run(scenario, left_s) in (Verdict.FAILED, Verdict.ERROR):
            self.failures += 1

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
            async with own_platform(self.services, self.options.fresh_target, own or {}, needs) as services:
                self._tell_ready(services.target, began_s)
                return await ScenarioRun(scenario, services).run(left_s)
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


def _all_on_their_own(plan: Plan, options: RunOptions) -> bool:
    """Whether a platform for all would stand idle."""
    can_start = options.fresh_target is not None
    return can_start and all(_is_on_its_own(scenario, options) for scenario in plan.scenarios)


def _announce(plan: Plan, target: Target, log: EventLog, options: RunOptions) -> None:
    """The plan, before anything is done: what is planned is reported, whatever happens."""
    log.record(
        RunStarted,
        run_id=options.run_id,
        profile=plan.profile,
        profile_files=plan.files,
        description=plan.description,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        tool_version=__version__,
        target=target.info,
        seed=options.seed,
        confidence=plan.confidence,
        inconclusive_passes=options.inconclusive_passes,
        fail_on=options.probing.fail_on.value,
        plan=tuple(_planned(scenario, plan) for scenario in plan.scenarios),
        deselected=plan.deselected,
        benchmarks=dict(plan.benchmarks),
        environment=describe_environment(options.environment),
        reproduce=options.reproduce,
        arguments=options.arguments,
    )


def _planned(scenario: Scenario, plan: Plan) -> PlannedScenario:
    place = scenario.source.place
    return PlannedScenario(
        id=scenario.id,
        title=scenario.title,
        tags=scenario.tags,
        requires=scenario.requires,
        where=f"{place.file}:{place.line}",
        gates=tuple(gate.expression.text for gate in scenario.gates),
        fingerprint=fingerprint_of(scenario, plan.datasets),
    )


def _tell(log: EventLog, reading: Reading) -> None:
    log.record(
        TargetSampled,
        rss_mb=reading.rss_mb,
        cpu_percent=reading.cpu_percent,
        threads=reading.threads,
        descriptors=reading.descriptors,
    )


async def _close(target: Target, log: EventLog) -> None:
    """Stop the target even while being cancelled, and write the end."""
    try:
        await to_its_end(target.close())
    except asyncio.CancelledError:
        with contextlib.suppress(EvidenceLost):
            log.record(RunInterrupted, reason="stopped by a signal")
        raise
    finally:
        _say_the_end(target, log)


def _say_the_end(target: Target, log: EventLog) -> None:
    with contextlib.suppress(EvidenceLost):
        left = target.left_behind()
        if left is not None:
            log.record(Warned, message=left)
        log.record(RunFinished, duration_s=log.now_s())
