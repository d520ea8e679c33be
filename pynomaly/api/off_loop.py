"""Work that would hold up the event loop, done in threads."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

from pynomaly.api.overload import place_in_line

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A group of threads: `n` of them at most, or as many as there are anyway.

    line: what the line for them is called; empty where nobody is ever refused for it.
    """

    def __init__(self, line: str = "", n: int | None = None) -> None:
        self.line = line
        self.n = n
        self._limiter = None if n is None else CapacityLimiter(n)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread and wait for it without holding up other requests.

        Raises Shed, before anything was done, where the request is one of too many that wait for a thread.
        """
        work = partial(function, *args, **kwargs)
        place = place_in_line(self.line) if self.line else None
        if place is None:
            return await to_thread.run_sync(work, limiter=self._limiter)
        try:
            return await to_thread.run_sync(place.work, work, limiter=self._limiter)
        finally:
            place.is_left = True  # also where it was cancelled while it stood there


GENERAL = Threads("threads")
"""They wait for the database and the disk more than they compute."""
SCORING = Threads("scoring", (os.cpu_count() or 2) + 2)
"""They compute: with many more than processors the event loop would wait for its turn behind all of them, each time.
The two more let a small request pass large ones."""
PARSING = Threads("parsing", 16)
"""They wait for a process that parses a request's rows; scoring threads don't."""
UPLOADS = Threads("uploads", 32)
"""They wait for a process that parses a file, for as long as that takes, and store the rows."""
_GOING_ON = Threads()
"""For the rest of an answer that has begun: the same as GENERAL, but nobody is refused."""
RESERVED = Threads(n=4)
"""For what must be answered however many requests wait: health, and figures."""

off_loop = GENERAL.call


async def each_off_loop(
    items: Iterator[bytes], require_allowed: Callable[[], object]
) -> AsyncIterator[bytes]:
    """The iterator's items, each made in a thread: pieces of an answer that has begun.

    `require_allowed` is asked before each and raises once it is no longer the caller's: then the answer is cut off.
    """
    end: Any = object()

    def following() -> Any:
        require_allowed()
        return next(items, end)

    while (item := await _GOING_ON.call(following)) is not end:
        yield item
