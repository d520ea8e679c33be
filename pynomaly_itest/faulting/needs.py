"""What a scenario's faults need of the platform before it is started."""

from __future__ import annotations

from pynomaly_itest.profile.model import Scenario
from pynomaly_itest.profile.walk import calls_of, walk


def needs_of(scenario: Scenario) -> frozenset[str]:
    """Of "redis", "database", "disk", "clock": what must be ours to disturb, so that it has its own platform."""
    found = (step for call in calls_of(scenario) for step in walk(call.kind, call.config))
    return frozenset(need for step in found for need in step.of.disturbs(step.config))
