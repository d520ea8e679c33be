"""PostgreSQL has no connection left: somebody else took them all."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Exhausted


@FAULTS.register("database_exhausted")
class DatabaseExhausted(LastingFault):
    """Open connections end, and only `connections` are let in anew; the others hear "too many clients already"."""

    summary: ClassVar[str] = "PostgreSQL lets hardly anybody in (too many clients)"
    needs: ClassVar[frozenset[str]] = frozenset({"database"})

    connections: int = Field(0, ge=0, le=1000, description="how many connections it still grants")

    def check(self, site: Site) -> None:
        site.target.link("database")

    async def begin(self, site: Site) -> None:
        site.notes.append(f"{self.connections} connections are granted")
        site.impose(site.target.link("database"), Exhausted(self.connections))
