"""The clock jumps: a machine that wakes up, or whose time is set right."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS


@FAULTS.register("clock_jump")
class ClockJump(LastingFault):
    """The server's clock is off by `by`, and then right again. It needs libfaketime, as this machine's is not ours.

    Tokens run out by that clock: further than they are good for, and the target rightly asks for a new login.
    """

    summary: ClassVar[str] = "the server's clock jumps (where libfaketime is installed)"
    needs: ClassVar[frozenset[str]] = frozenset({"clock"})

    by: str = Field("+5m", pattern=r"^[+-]\d{1,6}[smhd]$", description="how far: +5m, -30s")

    def check(self, site: Site) -> None:
        site.target.clock_file()

    async def begin(self, site: Site) -> None:
        clock = site.target.clock_file()
        site.undo.callback(clock.write_text, "+0")
        clock.write_text(self.by)
        site.notes.append(f"the server's clock is {self.by} off")
