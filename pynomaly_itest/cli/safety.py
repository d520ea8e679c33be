"""What a run may do to its target, decided before the first byte is sent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pynomaly_itest.probing.authorisation import is_ours, permission_for
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.probing.probe import Severity
from pynomaly_itest.probing.waivers import Waivers
from pynomaly_itest.profile.model import Plan


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
    if target not in ("bundled", "inprocess") and not is_ours(target):
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


def reason_for_permission(plan: Plan) -> str | None:
    """What of the plan nobody may do to somebody else's service unasked, None where there is nothing of it."""
    for scenario in plan.scenarios:
        for call in (*scenario.setup, *scenario.steps, *scenario.catch, *scenario.finally_):
            if call.kind == "probe":
                return f"scenario {scenario.id!r} probes its security"
            if call.kind in ("stress", "ramp", "soak", "spike", "find_limit") or "stress" in scenario.tags:
                return f"scenario {scenario.id!r} puts it under stress"
            if call.kind == "load" and not _is_gentle(str(call.config.get("rate", ""))):
                return f"scenario {scenario.id!r} loads it with more than {GENTLE_PER_S:g} requests/s"
    return None


GENTLE_PER_S = 10.0


def _is_gentle(rate: str) -> bool:
    """Whether a rate such as `5/s` is one that needs no permission; what is not readable is not gentle."""
    count, _, unit = rate.partition("/")
    try:
        per_s = float(count) / {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}[unit.strip() or "s"]
    except (ValueError, KeyError):
        return False
    return per_s <= GENTLE_PER_S
