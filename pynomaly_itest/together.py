"""Several things at the same time, of which none is left behind when one of them fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def all_or_none(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run them side by side; the first error ends them all and is raised as it is, in no group."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
