"""The first and the last that the log is told of a run."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from pynomaly_itest import __version__
from pynomaly_itest.carrying import fingerprint_of
from pynomaly_itest.environment import describe_environment
from pynomaly_itest.errors import EvidenceLost
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import PlannedCheck, PlannedScenario, RunFinished, RunStarted, Warned
from pynomaly_itest.profile.model import Plan, Scenario
from pynomaly_itest.profile.walk import calls_of, walk
from pynomaly_itest.run_options import RunOptions
from pynomaly_itest.target.base import Target


def announce(plan: Plan, target: Target, log: EventLog, options: RunOptions) -> None:
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
        require_checks=options.require_checks or plan.require_checks,
        plan=tuple(_planned(scenario, plan) for scenario in plan.scenarios),
        deselected=plan.deselected,
        benchmarks=dict(plan.benchmarks),
        environment=describe_environment(options.environment),
        reproduce=options.reproduce,
        arguments=options.arguments,
    )
    for warning in options.warnings:
        log.record(Warned, message=warning)
    for waiver in options.probing.waivers.expired():
        ended = f"the waiver of {waiver.owner} for {waiver.fingerprint[:12]} ended {waiver.expires}"
        log.record(Warned, message=ended)


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
        checks=tuple(
            PlannedCheck(id=check.id, title=check.title, severity=check.severity)
            for call in calls_of(scenario)
            for step in walk(call.kind, call.config)
            for check in step.of.planned_checks(step.config)
        ),
    )


def say_the_end(target: Target, log: EventLog) -> None:
    """What was left behind, and that the run is over; a log that can't be written has been told already."""
    with contextlib.suppress(EvidenceLost):
        if (held := target.departures.told()) is not None:
            log.record(Warned, message=held)
        left = target.left_behind()
        if left is not None:
            log.record(Warned, message=left)
        log.record(RunFinished, duration_s=log.now_s())
