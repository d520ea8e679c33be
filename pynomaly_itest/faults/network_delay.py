"""The way between the tool and the target is long."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import NetworkFault, Site, Timespan
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Delay


@FAULTS.register("network_delay")
class NetworkDelay(NetworkFault):
    """Each piece takes longer, in each direction, by a fixed time and a random one."""

    summary: ClassVar[str] = "everything arrives late, in both directions"

    delay: Timespan = Field(0.05, description="how much later: 50ms")
    jitter: Timespan = Field(0.05, description="up to how much more, at random (seeded)")

    async def begin(self, site: Site) -> None:
        site.notes.append(f"each piece {self.delay} later, and up to {self.jitter} more")
        delay_s, jitter_s = parse_quantity(self.delay, "s"), parse_quantity(self.jitter, "s")
        site.impose(site.network, Delay(delay_s, jitter_s, site.sleep))
