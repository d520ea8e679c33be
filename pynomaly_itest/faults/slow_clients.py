"""Clients that never finish what they say (slowloris): they must not keep others from being served."""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

from pydantic import Field

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.faulting.idle import idle_connections
from pynomaly_itest.registry import FAULTS

_BEGINNING = b"POST /api/v1/detection/predict HTTP/1.1\r\nHost: target\r\nX-Slow: "
_EVERY_S = 0.25


@FAULTS.register("slow_clients")
class SlowClients(LastingFault):
    """Many connections that send a byte of a header now and then; all of them are closed when the time is over."""

    summary: ClassVar[str] = "many clients that send a byte now and then (slowloris)"
    disrupts: ClassVar[bool] = True

    connections: int = Field(100, ge=1, le=1000)

    def check(self, site: Site) -> None:
        """Whoever can be reached can be reached slowly."""
        if site.target.info.kind == "inprocess":
            raise NotApplicable("a platform in this process has no socket to connect to")
        if site.target.info.url.startswith("https:"):
            raise NotApplicable(
                "slow clients of ours speak no TLS: an HTTPS server would turn them away at once"
            )

    async def begin(self, site: Site) -> None:
        opened = await idle_connections(site, self.connections, asyncio.open_connection)
        dripping = asyncio.get_running_loop().create_task(_drip(site, opened))
        site.undo.callback(dripping.cancel)


async def _drip(site: Site, writers: list[asyncio.StreamWriter]) -> None:
    """A byte for each connection every so often, until it is cancelled."""
    for writer in writers:
        with contextlib.suppress(OSError):
            writer.write(_BEGINNING)
    while True:
        await site.sleep(_EVERY_S)
        for writer in writers:
            if not writer.transport.is_closing():
                writer.write(b"x")
