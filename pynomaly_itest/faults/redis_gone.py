"""Redis is away for a while, and comes back."""

from __future__ import annotations

from typing import ClassVar

from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Gone


@FAULTS.register("redis_gone")
class RedisGone(LastingFault):
    """Open connections are reset and new ones refused, until Redis is back."""

    summary: ClassVar[str] = "Redis is gone for a while (connections reset and refused)"
    needs: ClassVar[frozenset[str]] = frozenset({"redis"})

    def check(self, site: Site) -> None:
        site.target.link("redis")

    async def begin(self, site: Site) -> None:
        site.impose(site.target.link("redis"), Gone())
