"""The clock jumps: a machine that wakes up, or whose time is set right."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS

_PATIENCE_S = 5.0
_LOOKS, _LOOK_S = 50, 0.1
_TOLD_S = 5.0
"""Less than that the Date header, which has whole seconds, and a slow answer might make up."""


@FAULTS.register("clock_jump")
class ClockJump(LastingFault):
    """The server's clock is off by `by`, and then right again. It needs libfaketime, as this machine's is not ours.

    Tokens run out by that clock: further than they are good for, and the target rightly asks for a new login.
    """

    summary: ClassVar[str] = "the server's clock jumps (where libfaketime is installed)"
    needs: ClassVar[frozenset[str]] = frozenset({"clock"})

    by: str = Field(
        "+5m", pattern=r"^[+-]\d{1,6}[smhd]$", description="how far: +5m, -30s; at least ten seconds"
    )

    def check(self, site: Site) -> None:
        site.target.clock_file()

    async def begin(self, site: Site) -> None:
        clock = site.target.clock_file()
        site.undo.callback(clock.write_text, "+0")
        off_s = await _off_s(site)
        clock.write_text(self.by)
        for _ in range(_LOOKS):
            if abs(await _off_s(site) - off_s) >= _TOLD_S:
                site.notes.append(f"the server's clock is {self.by} off")
                return
            await site.sleep(_LOOK_S)
        raise CannotMeasure("the server's clock did not jump: its Date header goes on as before")


async def _off_s(site: Site) -> float:
    """How far the target's Date header is from this machine's clock; raises CannotMeasure where it tells none."""
    import httpx

    async with site.target.client(_PATIENCE_S) as client:
        try:
            told = (await client.get("/api/v1/health")).headers.get("date", "")
            return parsedate_to_datetime(told).timestamp() - time.time()
        except (httpx.HTTPError, ValueError) as problem:
            raise CannotMeasure(
                "whether the server's clock jumped can't be told: it sends no Date"
            ) from problem
