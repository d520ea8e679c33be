"""What a run may do to its target, decided before the first byte is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pynomaly_itest.errors import NothingSelected, UsageError
from pynomaly_itest.probing.authorisation import Authorisation, permission_for
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.probing.probe import Probe, Severity
from pynomaly_itest.probing.waivers import Waivers, read_entries
from pynomaly_itest.profile.model import Plan, StepCall
from pynomaly_itest.profile.walk import Found, as_known, calls_of, walk
from pynomaly_itest.step_kind import Impact
from pynomaly_itest.steps.probe import ProbeStep
from pynomaly_itest.target.remote import check_url
from pynomaly_itest.transport.departures import GENTLE_PER_S, is_ours


@dataclass(frozen=True)
class Safety:
    """The flags that say what fails a run and what it may do; both files are optional."""

    fail_on: str = "high"
    allow_disruptive: bool = False
    waivers: Path | None = None
    authorisations: Path | None = None
    require_checks: str | None = None


def probe_options(plan: Plan, target: str, safety: Safety) -> ProbeOptions:
    """How this plan's probes run against `target`; raises UsageError where what they do is not permitted there.

    Nothing is sent, not even a look-up of the target's name.
    """
    today = datetime.now(UTC).date()
    waivers = Waivers.read(safety.waivers, today) if safety.waivers else Waivers(today=today)
    max_impact = "D"
    if target not in ("bundled", "inprocess") and not is_ours(check_url(target)):
        reason = reason_for_permission(plan)
        if reason is not None:
            max_impact = permission_for(target, safety.authorisations, today, reason).max_impact
    return ProbeOptions(
        fail_on=Severity(safety.fail_on),
        allow_disruptive=safety.allow_disruptive,
        max_impact=max_impact,
        waivers=waivers,
        environment=dict(os.environ),
    )


def is_authorised(target: str, safety: Safety) -> bool:
    """Whether somebody answers today for what is sent to the target; raises UsageError for a file that is no good."""
    if safety.authorisations is None:
        return False
    today = datetime.now(UTC).date()
    read_entries(
        safety.authorisations, Authorisation, "authorisations"
    )  # a mistake in it is told, not passed over
    try:
        permission_for(target, safety.authorisations, today, "")
    except UsageError:
        return False
    return True


def only_probes(plan: Plan, wanted: Sequence[str]) -> Plan:
    """The plan with no other probes than these (ids or families), and no other scenarios.

    Raises UsageError for an unknown name, NothingSelected where no step has any of them.
    """
    try:
        ids = {probe.id for probe in ProbeStep.model_validate({"select": list(wanted)}).chosen()}
    except ValidationError as problem:
        raise UsageError(f"--probe: {problem.errors()[0]['msg'].removeprefix('Value error, ')}") from problem
    kept = []
    for scenario in plan.scenarios:
        steps = [_narrowed(call, ids) for call in scenario.steps if call.kind == "probe"]
        steps = [call for call in steps if call.config["select"]]
        if steps:
            kept.append(replace(scenario, steps=tuple(steps), gates=()))
    if not kept:
        raise NothingSelected(f"no scenario runs the probes {', '.join(wanted)}")
    left_out = len(plan.scenarios) - len(kept)
    return replace(plan, scenarios=tuple(kept), deselected=plan.deselected + left_out)


def probes_of(call: StepCall) -> list[type[Probe]]:
    """The probes that a step of the plan will run."""
    said = {key: call.config[key] for key in ("select", "exclude", "severity") if key in call.config}
    return ProbeStep.model_validate(said).chosen()


def _narrowed(call: StepCall, ids: set[str]) -> StepCall:
    return replace(
        call, config={**call.config, "select": [probe.id for probe in probes_of(call) if probe.id in ids]}
    )


def reason_for_permission(plan: Plan) -> str | None:
    """What of the plan nobody may do to somebody else's service unasked, None where there is nothing of it.

    It follows from what the steps do, as their kinds say it; a scenario's tags say nothing.
    """
    for scenario in plan.scenarios:
        known = {"vars": scenario.vars, "matrix": scenario.matrix, "benchmarks": scenario.benchmarks}
        for call in calls_of(scenario):
            for step in walk(call.kind, call.config):
                reason = _reason(step, known)
                if reason is not None:
                    return f"scenario {scenario.id!r} {reason}"
    return None


def _reason(step: Found, known: Mapping[str, Any]) -> str | None:
    impact = step.of.impact
    if impact is Impact.UNKNOWN:
        return f"{impact} ({step.kind})"
    if impact is not Impact.ORDINARY:
        return impact
    if step.of.offered_rate(as_known(step.config, known)) > GENTLE_PER_S:
        return f"sends it more than {GENTLE_PER_S:g} requests/s ({step.kind})"
    return None
