"""The server gets hardly any more memory."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.faulting.limits import check_limits, lower
from pynomaly_itest.registry import FAULTS


@FAULTS.register("little_memory")
class LittleMemory(LastingFault):
    """The server's address space may grow by only a few megabytes: what needs more must be refused, not crash it."""

    summary: ClassVar[str] = "the server gets no more memory (prlimit)"

    left_mb: float = Field(16.0, ge=0, description="by how much its address space may still grow")

    def check(self, site: Site) -> None:
        super().check(site)
        check_limits()

    async def begin(self, site: Site) -> None:
        import psutil

        server = psutil.Process(site.root)
        limit = server.memory_info().vms + int(self.left_mb * 2**20)
        lower(site, server, psutil.RLIMIT_AS, limit)
        site.notes.append(f"at most {limit >> 20} MB of address space")
