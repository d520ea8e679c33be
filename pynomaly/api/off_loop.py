"""Work that would hold up the event loop, done in threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, ParamSpec, TypeVar

from anyio import to_thread

P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread and wait for it without holding up other requests."""
    return await to_thread.run_sync(partial(function, *args, **kwargs))


async def each_off_loop(items: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The iterator's items, each made in a thread."""
    end: Any = object()
    while (item := await off_loop(next, items, end)) is not end:
        yield item
