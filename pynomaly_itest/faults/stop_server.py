"""The server is told to stop, as in every deployment, and started again."""

from __future__ import annotations

from typing import ClassVar

from pynomaly_itest.faulting.fault import Fault, Site
from pynomaly_itest.registry import FAULTS


@FAULTS.register("stop_server")
class StopServer(Fault):
    """SIGTERM for the server: what it works on may end, and then it is started again on its data."""

    summary: ClassVar[str] = "stop the server in good order (SIGTERM) and start it again"

    async def begin(self, site: Site) -> None:
        site.notes.append("SIGTERM")
        await site.target.restart(until_ready=False)
