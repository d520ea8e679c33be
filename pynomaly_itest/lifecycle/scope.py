"""The names that a scenario's expressions may use, and their values so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.lifecycle.services import Services
from pynomaly_itest.profile.model import Scenario


@dataclass
class Scope:
    """What steps saved, and what was there from the start; the target's figures are those since `started_s`."""

    scenario: Scenario
    services: Services
    started_s: float
    saved: dict[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Every name with its value, nested."""
        scenario, services = self.scenario, self.services
        info = services.target.info
        return {
            **self.saved,
            "matrix": scenario.matrix,
            "vars": scenario.vars,
            "benchmarks": scenario.benchmarks,
            "run": {"id": services.run_id, "seed": services.seed},
            "target": {
                "url": info.url,
                "kind": info.kind,
                "version": info.version,
                **services.observer.since(self.started_s),
            },
        }
