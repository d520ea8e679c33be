"""A server that knows when the kernel took a request in, not only when it came to read it.

A record that begins when a process reads leaves out how long the request lay in the socket's buffer until that process
was awake. The client waits through that, and it is the server's time, so a record that is to be the truth has it in.
Linux stamps every packet as it comes in (SO_TIMESTAMPNS); recvmsg hands the stamp over, of the last packet it read.
The record ends after the answer was written, and says nothing about how long the client then takes to wake up.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from typing import Protocol

from known_server import whole_body

SO_TIMESTAMPNS = 35
"""Of Linux, as an option and as the type of the message that carries the stamp; Python has no name for it."""
TIMESPEC = struct.Struct("@ll")


class Recording(Protocol):
    """Who keeps the record, and says how long an answer takes."""

    def came(self, waited_ns: int) -> int: ...
    def delay_s(self) -> float: ...
    def left(self, number: int) -> None: ...


class StampedConnection:
    """One connection, read by hand: asyncio's transports don't hand the stamps on."""

    def __init__(self, server: Recording, connection: socket.socket, answer: bytes) -> None:
        self.server = server
        self.connection = connection
        self.reply = answer
        self.held = b""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asyncio.get_running_loop().add_reader(connection, self.readable)

    def readable(self) -> None:
        try:
            data, ancillary, _, _ = self.connection.recvmsg(65536, socket.CMSG_SPACE(TIMESPEC.size))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self.held += data
        if whole_body(self.held) is not None:  # the stamp is of its last piece: when the request was complete
            self.held = b""
            number = self.server.came(waited_ns(ancillary))
            asyncio.get_running_loop().call_later(self.server.delay_s(), self.answer, number)

    def answer(self, number: int) -> None:
        try:
            self.connection.send(self.reply)
        except OSError:  # the client is gone
            self.close()
        self.server.left(number)

    def close(self) -> None:
        if self.connection.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.connection)
            self.connection.close()


def waited_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """How long ago the kernel took in what was just read; 0 where it does not say.

    Its stamp is of CLOCK_REALTIME, which may be set and slewed: only its distance from now is used, taken at once.
    """
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= TIMESPEC.size:
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            return max(1, time.clock_gettime_ns(time.CLOCK_REALTIME) - seconds * 1_000_000_000 - nanoseconds)
    return 0


async def serve_stamped(server: Recording, answer: bytes) -> None:
    """Take connections on a free port of loopback, which is printed, until standard input ends.

    What is accepted inherits the stamping from the socket that listens, so that no request comes before it.
    """
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    listening.setblocking(False)

    def accept() -> None:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        StampedConnection(server, connection, answer)

    loop.add_reader(listening, accept)
    print(listening.getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    loop.remove_reader(listening)
    listening.close()
