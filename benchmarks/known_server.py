"""What the servers have in common whose behaviour is known: one request after the other, each read to its end."""

from __future__ import annotations

import asyncio
from typing import cast


def whole_body(request: bytes) -> bytes | None:
    """The body, once the head and as much of a body as it states are there."""
    head, blank, body = request.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    return body if blank and len(body) >= length else None


class Connection(asyncio.Protocol):
    """Takes every request that ends in a blank line and its body for one, and hands the body to `asked`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.held += data
        body = whole_body(self.held)
        if body is None:
            return
        self.held = b""
        self.asked(body)

    def asked(self, body: bytes) -> None:
        """What a server does with a request."""
        raise NotImplementedError

    def write(self, reply: bytes) -> bool:
        """Send it, if anybody is there still; tells whether."""
        if self.transport is None or self.transport.is_closing():
            return False
        self.transport.write(reply)
        return True
