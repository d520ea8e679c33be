"""Clean-up is not cut short by the very interruption that it comes after, nor by one that comes in the midst of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do all of `work`, which must be bounded in time; a cancellation that comes meanwhile is raised after it.

    Who cancels a second time doesn't want to wait: then it is raised at once, and the work is left to itself.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.shield(task)
        raise
