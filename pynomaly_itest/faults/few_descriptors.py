"""The server has hardly a file descriptor left."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.faulting.idle import idle_connections
from pynomaly_itest.faulting.limits import check_limits, lower
from pynomaly_itest.registry import FAULTS

_LOOKS, _LOOK_S = 100, 0.02


@FAULTS.register("few_descriptors")
class FewDescriptors(LastingFault):
    """The server may open only a few files and connections more than it has; idle connections of ours take those."""

    summary: ClassVar[str] = "the server runs out of file descriptors (prlimit)"

    left: int = Field(4, ge=0, le=10_000, description="how many it may still open")
    connections: int = Field(16, ge=0, le=1000, description="idle connections that take them")

    def check(self, site: Site) -> None:
        super().check(site)
        check_limits()

    async def begin(self, site: Site) -> None:
        import psutil

        server = psutil.Process(site.root)
        limit = server.num_fds() + self.left
        lower(site, server, psutil.RLIMIT_NOFILE, limit)
        site.notes.append(f"at most {limit} descriptors")
        await idle_connections(site, self.connections, asyncio.open_connection)
        for _ in range(_LOOKS):
            if server.num_fds() >= limit:
                return
            await site.sleep(_LOOK_S)
        raise CannotMeasure(
            f"the server has only {server.num_fds()} of {limit} descriptors: idle connections did not take the rest",
            hint="more of them (connections), or fewer left over (left)",
        )
