"""A plan and a target in, events out: the whole program on a page."""

from __future__ import annotations

import asyncio
import contextlib

from pynomaly_itest.announcing import announce, say_the_end
from pynomaly_itest.carrying import check_target
from pynomaly_itest.errors import CannotMeasure, EvidenceLost, ItestError, TargetUnreachable, bug_fields
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import RunAborted, RunInterrupted, TargetReady, TargetSampled
from pynomaly_itest.lifecycle import Services, to_its_end
from pynomaly_itest.profile.model import Plan
from pynomaly_itest.run_options import RunOptions
from pynomaly_itest.shelf import Shelf
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer, Reading
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.turns import Turns, all_on_their_own

_LAST_LOOK_S = 1.0
"""How much longer than --timeout a run may take to see whether its target is still the same."""


async def run(plan: Plan, target: Target, log: EventLog, options: RunOptions) -> None:
    """Run the whole plan and tell the log of it. Never raises for what the target or a scenario does.

    Raises EvidenceLost where the log can't be written; CancelledError (Ctrl-C) after the clean-up.
    """
    announce(plan, target, log, options)
    try:
        is_shared = not all_on_their_own(plan, options)
        if is_shared:
            await _start(target, log, options)
            check_target(options.carried, options.carried_target, target.info)
        await _run_scenarios(plan, target, log, options, is_shared=is_shared)
        if change := await _change(target, log, options):
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


async def _start(target: Target, log: EventLog, options: RunOptions) -> None:
    """Start the target and tell the log; raises TargetUnreachable where that takes longer than the run may."""
    began_s = log.now_s()
    try:
        async with asyncio.timeout(options.left_s(began_s)) as limit:
            await target.start()
    except TimeoutError as problem:
        if not limit.expired():
            raise
        raise TargetUnreachable(
            f"the target was not ready when --timeout {options.timeout_s:g} was over",
            hint="does it answer at all? a longer --timeout, if it only starts slowly",
        ) from problem
    log.record(TargetReady, target=target.info, duration_s=log.now_s() - began_s)


async def _change(target: Target, log: EventLog, options: RunOptions) -> str | None:
    """In what the target is another than at the start; None also where it does not tell while the run may last."""
    left_s = options.left_s(log.now_s())
    try:
        async with asyncio.timeout(None if left_s is None else max(left_s, _LAST_LOOK_S)) as limit:
            return await target.changed()
    except TimeoutError:
        if not limit.expired():
            raise
        return None


async def _run_scenarios(
    plan: Plan, target: Target, log: EventLog, options: RunOptions, *, is_shared: bool
) -> None:
    """Give each scenario its turn, with what all of them share; `is_shared`: so is the platform, and it is up."""

    def tell(reading: Reading) -> None:
        log.record(
            TargetSampled,
            rss_mb=reading.rss_mb,
            cpu_percent=reading.cpu_percent,
            threads=reading.threads,
            descriptors=reading.descriptors,
        )

    observer = Observer(target, log.now_s, tell)
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
            accounts=Accounts(api, target, options.run_id),
            seed=options.seed,
            run_id=options.run_id,
            probing=options.probing,
            adapter=options.adapter,
        )
        await Turns(services, options, is_ready=is_shared).all_of(plan.scenarios)


async def _close(target: Target, log: EventLog) -> None:
    """Stop the target even while being cancelled, and write the end."""
    try:
        await to_its_end(target.close())
    except asyncio.CancelledError:
        with contextlib.suppress(EvidenceLost):
            log.record(RunInterrupted, reason="stopped by a signal")
        raise
    finally:
        say_the_end(target, log)
