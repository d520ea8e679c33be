"""One connection of the single-request client: it writes one request at a time, and reads its reply."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from typing import cast

from pynomaly_itest.transport.reply import BadReply, CutOff, ReplyReader

_MOST_HELD = 1 << 20


class Ended(Exception):
    """The connection ended before a byte of the reply came; `cause` is the system's word, where there was one."""

    def __init__(self, cause: Exception | None) -> None:
        super().__init__(str(cause or "closed"))
        self.cause = cause


class Connection(asyncio.Protocol):
    """Idle, or busy with exactly one exchange. Never used again after anything went wrong with it."""

    def __init__(self) -> None:
        self.served = 0
        self.idle_since = 0.0
        self._reader: ReplyReader | None = None
        self._transport: asyncio.Transport | None = None
        self._problem: Exception | None = None
        self._is_lost = False
        self._is_reading = True
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._news = asyncio.Event()

    @property
    def is_usable(self) -> bool:
        """Whether an idle connection is still open and silent, as far as the system knows by now."""
        if self._is_lost or self._transport is None or self._transport.is_closing():
            return False
        descriptor = self._transport.get_extra_info("socket").fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return descriptor >= 0 and not poll.poll(0)  # readable means its end, or what nobody asked for

    def begin(self, reader: ReplyReader) -> None:
        """What comes from now on is read by `reader`."""
        self._reader = reader
        self._news.clear()

    async def write(self, data: bytes) -> None:
        """Write, and wait while too much is under way; raises Ended where the connection is no more."""
        if self._is_lost or self._transport is None:
            raise Ended(self._problem)
        self._transport.write(data)
        await self._can_write.wait()

    async def head(self) -> ReplyReader:
        """The reader once it has the reply's head. Raises Ended where not a byte came, else BadReply."""
        reader = self._of_now()
        while not reader.has_head:
            await self._next()
            if self._is_lost and not reader.received:
                raise Ended(self._problem)
        return reader

    async def body(self) -> AsyncIterator[bytes]:
        """The reply's body as it comes; raises BadReply where it is cut off, or no HTTP."""
        reader = self._of_now()
        while not reader.is_complete:
            if chunk := reader.take():
                yield chunk
            else:
                await self._next()
        self._check()
        if chunk := reader.take():
            yield chunk

    def finish(self) -> bool:
        """The exchange is over; whether the connection can serve another."""
        reader, self._reader = self._reader, None
        self.served += 1
        return (
            reader is not None
            and reader.is_complete
            and reader.keeps_alive
            and not reader.has_surplus
            and not self._is_lost
            and self._problem is None
        )

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _of_now(self) -> ReplyReader:
        if self._reader is None:
            raise RuntimeError("no exchange was begun on this connection")
        return self._reader

    async def _next(self) -> None:
        """Wait for more of the reply."""
        self._check()
        if not self._is_reading and self._transport is not None:
            self._is_reading = True
            self._transport.resume_reading()
        await self._news.wait()
        self._news.clear()
        self._check()

    def _check(self) -> None:
        if isinstance(self._problem, BadReply):
            raise self._problem

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._reader is None:  # nobody asked
            self.abort()
            return
        try:
            self._reader.feed(data)
        except BadReply as problem:
            self._problem = problem
            self.abort()
        if sum(map(len, self._reader.chunks)) > _MOST_HELD and self._transport is not None:
            self._is_reading = False
            self._transport.pause_reading()
        self._news.set()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        reader = self._reader
        if self._problem is None and reader is not None and reader.received:
            try:
                if exc is not None and not reader.is_complete:
                    raise CutOff("the connection was reset before the reply was complete")
                reader.end()
            except BadReply as problem:
                self._problem = problem
        self._problem = self._problem or exc
        self._can_write.set()
        self._news.set()
