"""How a run treats its probes: what fails it, what they may do, who answers for a known finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pynomaly_itest.probing.probe import Severity
from pynomaly_itest.probing.waivers import Waivers


@dataclass(frozen=True)
class ProbeOptions:
    """`environment` is where actors' names and passwords come from. `max_impact` is the most that is authorised."""

    fail_on: Severity = Severity.HIGH
    allow_disruptive: bool = False
    max_impact: str = "D"
    waivers: Waivers = field(default_factory=Waivers)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
