"""What a run may do to its target, decided before the first byte is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pynomaly_itest.errors import NothingSelected, UsageError
from pynomaly_itest.probing.authorisation import is_ours, permission_for
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.probing.probe import Probe, Severity
from pynomaly_itest.probing.waivers import Waivers
from pynomaly_itest.profile.model import Plan, StepCall
from pynomaly_itest.registry import STEPS
from pynomaly_itest.steps.probe import ProbeStep
from pynomaly_itest.target.remote import check_url


@dataclass(frozen=True)
class Safety:
    """The flags that say what fails a run and what it may do; both files are optional."""

    fail_on: str = "high"
    allow_disruptive: bool = False
    waivers: Path | None = None
    authorisations: Path | None = None


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
    """What of the plan nobody may do to somebody else's service unasked, None where there is nothing of it."""
    for scenario in plan.scenarios:
        if "stress" in scenario.tags:
            return f"scenario {scenario.id!r} puts it under stress"
        for call in (*scenario.setup, *scenario.steps, *scenario.catch, *scenario.finally_):
            for kind, config in _with_nested(call.kind, call.config):
                if kind == "probe":
                    return f"scenario {scenario.id!r} probes its security"
                if kind == "fault":
                    return f"scenario {scenario.id!r} breaks things on purpose"
                if kind == "capacity":
                    return f"scenario {scenario.id!r} puts it under stress"
                if kind == "load" and not _is_gentle_load(config):
                    return f"scenario {scenario.id!r} loads it with more than {GENTLE_PER_S:g} requests/s"
    return None


def _with_nested(kind: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A step and the steps inside of it."""
    yield kind, config
    for name in STEPS[kind].nested:
        inner = config.get(name)
        for step in inner if isinstance(inner, list) else [inner]:
            if isinstance(step, Mapping):
                for inner_kind, inner_config in step.items():
                    if inner_kind in STEPS:
                        yield from _with_nested(
                            inner_kind, inner_config if isinstance(inner_config, Mapping) else {}
                        )


GENTLE_PER_S = 10.0


def _is_gentle_load(config: Mapping[str, Any]) -> bool:
    """Whether nothing but its rate says how much is sent: a spike, stages or users may be anything."""
    bounded = config.get("shape") in (None, "soak") and not {"stages", "vus", "iterations"} & config.keys()
    return bounded and _is_gentle(str(config.get("rate", "")))


def _is_gentle(rate: str) -> bool:
    """Whether a rate such as `5/s` is one that needs no permission; what is not readable is not gentle."""
    count, _, unit = rate.partition("/")
    try:
        per_s = float(count) / {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}[unit.strip() or "s"]
    except (ValueError, KeyError):
        return False
    return per_s <= GENTLE_PER_S
