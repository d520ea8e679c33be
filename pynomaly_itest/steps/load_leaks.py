"""Watches the target while load is on it: does it take more and more, request by request?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynomaly_itest.steps.base import Values

if TYPE_CHECKING:
    from pynomaly_itest.measure import Absence, Estimate
    from pynomaly_itest.target.base import Target
    from pynomaly_itest.target.footprint import Footprint


@dataclass
class LeakWatch:
    """Readings of the target's footprint against the requests it has answered so far."""

    target: Target
    requests: list[float] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)

    def look(self, requests: int) -> None:
        """Take a reading; passes over a target that is down, or not ours."""
        from pynomaly_itest.target.footprint import footprint

        root = self.target.root_pid()
        found = None if root is None else footprint(root)
        if found is not None:
            self.requests.append(float(requests))
            self.footprints.append(found)

    def values(self, confidence: float) -> Values:
        """Growth by request, as gates ask for it."""
        return {
            "memory_growth_bytes_per_request": self._growth("private_bytes", "bytes", 1.0, confidence),
            "descriptor_growth_per_1000_requests": self._growth("descriptors", "1", 1000.0, confidence),
            "thread_growth_per_1000_requests": self._growth("threads", "1", 1000.0, confidence),
        }

    def _growth(self, name: str, unit: str, per: float, confidence: float) -> Estimate | Absence:
        from pynomaly_itest.measure import Absence
        from pynomaly_itest.measure.growth import growth

        if not self.footprints:
            return Absence("the target's processes are not ours to look at: its memory was not watched")
        readings = [float(getattr(each, name)) for each in self.footprints]
        return growth([count / per for count in self.requests], readings, unit, confidence=confidence)
