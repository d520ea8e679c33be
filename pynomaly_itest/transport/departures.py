"""Who is asked before a request leaves the tool: one place, so that no step can forget to ask.

To an origin off this machine nobody may send more than ten requests a second unless somebody answers for it
(`--authorisations`). Everything that asks one by one is slowed down to that; an engine that keeps a pace of its own is
refused. Whoever opens a client, a socket or a load has to say which `Departures` it goes by.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

from pynomaly_itest.errors import CannotMeasure

GENTLE_PER_S = 10
"""Requests a second that anybody may send to a service."""


class Departures(Protocol):
    """Permission and pace of what is sent to a target."""

    async def leave(self, requests: int = 1) -> None:
        """Called before each request, whoever sends it: returns when `requests` more may leave."""
        ...

    def check_rate(self, per_s: float) -> None:
        """Called before what keeps a pace of its own; raises CannotMeasure where it is faster than allowed."""
        ...

    def told(self) -> str | None:
        """What the reader has to know of requests that were held back; None where none was."""
        ...


class Unlimited:
    """Everything may leave at once: a target of ours, or one for which somebody answers."""

    async def leave(self, requests: int = 1) -> None:
        """Nothing to wait for."""

    def check_rate(self, per_s: float) -> None:
        """Nothing is too fast."""

    def told(self) -> str | None:
        return None


UNLIMITED: Departures = Unlimited()


class Paced:
    """At most `per_s` requests in any second: each further one waits for its turn."""

    def __init__(
        self,
        per_s: int = GENTLE_PER_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._per_s = per_s
        self._clock = clock
        self._sleep = sleep
        self._left_at: deque[float] = deque(maxlen=per_s)
        self._held = 0
        self._held_s = 0.0

    async def leave(self, requests: int = 1) -> None:
        """Take the next free place in time, at once, then wait for it: what is cancelled meanwhile keeps its place."""
        now = at = self._clock()
        for _ in range(requests):
            at = max(now, self._left_at[0] + 1.0) if len(self._left_at) == self._per_s else now
            self._left_at.append(at)
        if at > now:
            self._held += 1
            self._held_s += at - now
            if self._sleep is not None:
                await self._sleep(at - now)
                return
            import asyncio  # here, as `validate` reads the step kinds but sends nothing

            await asyncio.sleep(at - now)

    def check_rate(self, per_s: float) -> None:
        if per_s > self._per_s:
            raise CannotMeasure(
                f"more than {self._per_s} requests/s to an origin off this machine: nobody answers for it",
                hint="name the origin in a file of --authorisations",
            )

    def told(self) -> str | None:
        if not self._held:
            return None
        return (
            f"nobody answers for more than {self._per_s} requests/s to this origin (--authorisations): {self._held} "
            f"requests waited {self._held_s:.1f} s in all, which is in what Python scenarios time by themselves"
        )


def departures_for(url: str, *, is_authorised: bool) -> Departures:
    """How requests may leave for this origin."""
    return UNLIMITED if is_authorised or is_ours(url) else Paced()


def is_ours(url: str) -> bool:
    """Whether the URL is this machine's loopback by its own words; a name that merely resolves there is not."""
    import ipaddress

    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
