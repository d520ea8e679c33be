"""A listener on loopback: what calls it was made to by what a probe sent."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynomaly_itest.errors import CannotMeasure

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext

_MOST_HEAD_BYTES = 8_192
_SETTLING_S = 0.4


@dataclass
class Listener:
    """Remembers which of its secret paths were asked for."""

    port: int
    heard: set[str] = field(default_factory=set)

    def url(self, what: str) -> str:
        """An address that only what was sent as `what` can know."""
        return f"http://127.0.0.1:{self.port}/{what}"

    async def calls(self, ctx: ProbeContext) -> set[str]:
        """What has called by now, a moment after the last request: a call may come late."""
        await ctx.sleep(_SETTLING_S)
        return set(self.heard)


@contextlib.asynccontextmanager
async def listening(ctx: ProbeContext) -> AsyncIterator[Listener]:
    """Listen while the block runs; a control shows first that a call is heard.

    Raises CannotMeasure for a target elsewhere: its calls could not reach this machine's loopback.
    """
    if not ctx.is_local:
        raise CannotMeasure("a call-back of a target elsewhere could not reach this machine's loopback")
    listener = Listener(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError
        ):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5.0)
            listener.heard.add(head.split(b" ", 2)[1].decode("latin-1").lstrip("/"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=_MOST_HEAD_BYTES)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        await _control(ctx, listener)
        yield listener
    finally:
        server.close()
        await server.wait_closed()


async def _control(ctx: ProbeContext, listener: Listener) -> None:
    mark = f"control-{secrets.token_hex(4)}"
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(f"GET /{mark} HTTP/1.1\r\nHost: itest\r\n\r\n".encode())
    await reader.read()
    writer.close()
    ctx.control(mark in listener.heard, "the listener does not hear calls")
    listener.heard.discard(mark)
