"""The server dies without warning, and is started again."""

from __future__ import annotations

from typing import ClassVar

from pynomaly_itest.faulting.fault import Fault, Site
from pynomaly_itest.registry import FAULTS


@FAULTS.register("kill_server")
class KillServer(Fault):
    """SIGKILL for the server and its workers; they are started again on their data at once."""

    summary: ClassVar[str] = "kill -9 of the server, which is started again at once"

    async def begin(self, site: Site) -> None:
        site.notes.append("SIGKILL")
        await site.target.restart(kill=True, until_ready=False)
