"""The way between the tool and the target is narrow."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import NetworkFault, Site
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Narrow


@FAULTS.register("network_narrow")
class NetworkNarrow(NetworkFault):
    """Each connection carries at most so many bytes a second, in each direction."""

    summary: ClassVar[str] = "each connection carries few bytes a second"

    kilobytes_per_second: float = Field(64.0, gt=0, description="in each direction of each connection")

    async def begin(self, site: Site) -> None:
        site.notes.append(f"{self.kilobytes_per_second:g} kB/s")
        site.impose(site.network, Narrow(self.kilobytes_per_second * 1000, site.sleep))
