"""What a scenario's faults need of the platform before it is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pynomaly_itest.profile.model import Scenario
from pynomaly_itest.registry import FAULTS, STEPS


def needs_of(scenario: Scenario) -> frozenset[str]:
    """Of "redis", "database", "disk", "clock": what must be ours to disturb, so that it has its own platform."""
    calls = (*scenario.setup, *scenario.steps, *scenario.catch, *scenario.finally_)
    kinds = {kind for call in calls for kind in _faults(call.kind, call.config)}
    return frozenset(need for kind in kinds if kind in FAULTS for need in FAULTS[kind].needs)


def _faults(step: str, config: Any) -> Iterator[str]:
    """The kinds of fault in a step, also in those inside of it."""
    if not isinstance(config, Mapping):
        return
    inject = config.get("inject")
    if step == "fault" and isinstance(inject, Mapping):
        yield from map(str, inject)
    for name in STEPS[step].nested:
        inner = config.get(name.partition(".")[0])
        for nested in inner if isinstance(inner, list) else [inner]:
            if isinstance(nested, Mapping):
                for kind, nested_config in nested.items():
                    if kind in STEPS:
                        yield from _faults(kind, nested_config)
