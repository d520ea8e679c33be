"""The clock jumps: a machine that wakes up, or whose time is set right."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

from pydantic import Field, field_validator

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PATIENCE_S = 10.0
_MOST_LOOKS, _LOOK_EVERY_S = 100, 0.05
_NEAR_S = 3.0
"""A server may say in its header what time it was a second or two ago."""


@FAULTS.register("clock_jump")
class ClockJump(LastingFault):
    """The server's wall clock is off by `by`, forward or back, and then right again; its monotonic clock goes on.

    It has begun once the `Date` header of an answer says so. Tokens run out by that clock: further than they are good
    for, and the target rightly asks for a new login.
    """

    summary: ClassVar[str] = "the server's clock jumps, forward or back"
    needs: ClassVar[frozenset[str]] = frozenset({"clock"})

    by: str = Field("+5m", pattern=r"^[+-]\d{1,6}[smhd]$", description="how far: +5m, -30s")

    @field_validator("by")
    @classmethod
    def _is_a_jump(cls, by: str) -> str:
        if abs(_seconds(by)) <= 2 * _NEAR_S:
            raise ValueError(f"a jump is more than {2 * _NEAR_S:g}s: a smaller one can't be told from none")
        return by

    def check(self, site: Site) -> None:
        site.target.move_clock(0.0)

    async def begin(self, site: Site) -> None:
        by_s = _seconds(self.by)
        site.undo.callback(site.target.move_clock, 0.0)
        site.target.move_clock(by_s)
        site.notes.append(f"the server's clock is {self.by} off: it says {await self._seen(site, by_s)}")

    async def _seen(self, site: Site, by_s: float) -> str:
        """What time the server says it is, once that has jumped; raises CannotMeasure where it never does."""
        import httpx

        said = "nothing"
        async with site.target.client(timeout_s=_PATIENCE_S) as client:
            for _ in range(_MOST_LOOKS):
                with contextlib.suppress(httpx.HTTPError):
                    reply = await client.get("/api/v1/health/live")
                    said = str(reply.headers.get("date", "nothing"))
                off_s = _off_s(said)
                if off_s is not None and abs(off_s - by_s) <= _NEAR_S:
                    return said
                await site.sleep(_LOOK_EVERY_S)
        raise CannotMeasure(
            f"the server's clock was set {self.by} off, and the Date of its answers is {said}"
        )


def _seconds(by: str) -> float:
    """`-5m` in seconds; a minute is an `m` here, as `date` and `timedatectl` have it."""
    return float(by[:-1]) * _SECONDS[by[-1]]


def _off_s(date: str) -> float | None:
    """How far a Date header is from our own clock; None where it says no time."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return None
