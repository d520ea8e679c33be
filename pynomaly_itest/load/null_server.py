"""A server that does nothing but answer: what is measured against it is the generator.

Run as `python -m pynomaly_itest.load.null_server`; prints its port, ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import ssl

_BACKLOG = 4096
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class NullProtocol(asyncio.Protocol):
    """Answers every chunk that arrives: enough for clients that send a small request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(_ANSWER)


async def serve(
    connection: Callable[[], asyncio.Protocol] = NullProtocol, *, tls: ssl.SSLContext | None = None
) -> None:
    """Take connections on a free port of loopback, which is printed, until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, backlog=_BACKLOG, ssl=tls)
    ended = asyncio.Event()

    def heard() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            ended.set()

    loop.add_reader(0, heard)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await ended.wait()
    server.close()


def main() -> None:
    import uvloop

    uvloop.run(serve())


if __name__ == "__main__":
    main()
