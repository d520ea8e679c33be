"""Nothing arrives any more between the tool and the target, and nobody is told."""

from __future__ import annotations

from typing import ClassVar

from pynomaly_itest.faulting.fault import NetworkFault, Site
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Blackhole


@FAULTS.register("network_blackhole")
class NetworkBlackhole(NetworkFault):
    """Packets vanish; when it is over, what was on its way goes on, as TCP does."""

    summary: ClassVar[str] = "for a while nothing arrives any more, in either direction"

    async def begin(self, site: Site) -> None:
        site.impose(site.network, Blackhole())
