"""PostgreSQL is slow for a while: busy, or behind a bad network."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import LastingFault, Site, Timespan
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.target.conditions import Delay


@FAULTS.register("database_slow")
class DatabaseSlow(LastingFault):
    """Each message to PostgreSQL and back takes longer, by a proxy before it."""

    summary: ClassVar[str] = "PostgreSQL answers late for a while"
    needs: ClassVar[frozenset[str]] = frozenset({"database"})

    delay: Timespan = Field(0.1, description="how much longer each message takes: 100ms")

    def check(self, site: Site) -> None:
        site.target.link("database")

    async def begin(self, site: Site) -> None:
        site.notes.append(f"each message {self.delay} later")
        site.impose(site.target.link("database"), Delay(parse_quantity(self.delay, "s"), sleep=site.sleep))
