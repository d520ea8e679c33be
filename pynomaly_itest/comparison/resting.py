"""After its start a service goes on working for a while; what is measured meanwhile is that, not its answers.

Worse: two busy processes on one core get the same share of it, so both sides seem to take the same processor time
whatever their answers cost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from pynomaly_itest.comparison.processor import cpu_time_s
from pynomaly_itest.comparison.sides import Started

PATIENCE_S = 15.0
_LOOK_EVERY_S = 0.1
_QUIET_LOOKS = 3
_AT_REST = 0.05

CpuTime = Callable[[Started], float | None]


async def at_rest(
    sides: Sequence[Started],
    *,
    cpu_s: CpuTime | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool:
    """Wait until each side takes less than 5 % of a core, three looks in a row; False if that takes over 15 s.

    Sides whose processes are not ours, or whose processor time the system does not tell, are not waited for.
    """
    told = cpu_s or cpu_time_s
    until, quiet = clock() + PATIENCE_S, 0
    at_s, before = clock(), [told(side) for side in sides]
    while quiet < _QUIET_LOOKS:
        if clock() >= until:
            return False
        await sleep(_LOOK_EVERY_S)
        now_s, after = clock(), [told(side) for side in sides]
        used = [
            end - begin
            for begin, end in zip(before, after, strict=True)
            if begin is not None and end is not None
        ]
        busy = any(each > _AT_REST * (now_s - at_s) for each in used)
        quiet = 0 if busy else quiet + 1
        at_s, before = now_s, after
    return True
