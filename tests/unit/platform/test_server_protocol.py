"""What the server says where the parser gives up: whose fault it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from pynomaly.server import _Protocol

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


class OutOfMemory(_Protocol):
    def on_body(self, body: bytes) -> None:
        raise MemoryError


@pytest.mark.parametrize(
    ("protocol", "sent", "status"), [(OutOfMemory, REQUEST, b"503"), (_Protocol, b"what?\r\n\r\n", b"400")]
)
def test_a_body_that_finds_no_memory_is_not_the_clients_fault(
    protocol: type[_Protocol], sent: bytes, status: bytes
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def run() -> Transport:
        config = uvicorn.Config(app, http=protocol, log_config=None, lifespan="off")
        config.load()
        transport = Transport()
        connection = protocol(config, ServerState(), {})
        connection.connection_made(transport)  # type: ignore[arg-type]
        connection.data_received(sent)
        connection.connection_lost(None)
        return transport

    done = asyncio.run(run())
    assert done.written.startswith(b"HTTP/1.1 " + status)
    assert (b"retry-after" in done.written) == (status == b"503")
    assert done.is_closed
