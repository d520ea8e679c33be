"""PostgreSQL is away for a while, and comes back."""

from __future__ import annotations

from typing import ClassVar

from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Gone


@FAULTS.register("database_gone")
class DatabaseGone(LastingFault):
    """Open connections are reset and new ones refused, until PostgreSQL is back."""

    summary: ClassVar[str] = "PostgreSQL is gone for a while (connections reset and refused)"
    needs: ClassVar[frozenset[str]] = frozenset({"database"})

    def check(self, site: Site) -> None:
        site.target.link("database")

    async def begin(self, site: Site) -> None:
        site.impose(site.target.link("database"), Gone())
