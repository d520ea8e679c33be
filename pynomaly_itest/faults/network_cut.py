"""Connections end, in good order, in the middle of an answer's body."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import NetworkFault, Site
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Cut


@FAULTS.register("network_cut")
class NetworkCut(NetworkFault):
    """A share of the connections is cut once so many bytes have come back: at random, the same for the same seed."""

    summary: ClassVar[str] = "connections end in the middle of an answer"

    ratio: float = Field(1.0, gt=0, le=1, description="the share of the connections that it happens to")
    within_bytes: int = Field(4000, ge=1, le=1_000_000, description="after at most so many bytes of answers")

    async def begin(self, site: Site) -> None:
        site.impose(site.network, Cut(self.ratio, 1, self.within_bytes, reset=False))
