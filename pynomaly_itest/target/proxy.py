"""A TCP proxy of ours: a network that can be made bad for a while, the same way again for the same seed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from typing import Protocol

_CHUNK_BYTES = 16_384
_MOST_RECORDED = 200
_CONNECT_S = 5.0


class Broken(Exception):
    """The connection ends here; `reset` by an RST, else in good order."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("the connection was broken on purpose")
        self.reset = reset


@dataclass
class Passage:
    """One connection through the proxy. `chance` is its own: seeded by the proxy's seed and its number."""

    number: int
    chance: random.Random
    proxy: TcpProxy
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    ending: Broken | None = None
    """Set by a condition: what is on its way is the last of it."""

    def record(self, what: str) -> None:
        """Write down what was done to the connection, so that it can be read afterwards."""
        if len(self.proxy.record) < _MOST_RECORDED:
            self.proxy.record.append(f"connection {self.number}: {what}")

    def record_once(self, what: str) -> None:
        """Write down what happens to every piece of it, the first time only."""
        if f"connection {self.number}: {what}" not in self.proxy.record:
            self.record(what)

    async def until_lifted(self) -> None:
        """Wait until the network is a good one again."""
        await self.proxy.lifted.wait()

    def abort(self, *, reset: bool) -> None:
        """End both sides at once."""
        for writer in self.writers:
            if reset:
                connection = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()


class Condition(Protocol):
    """What the network is like while it is bad (`target/conditions.py`)."""

    def begins(self, passages: list[Passage]) -> None:
        """Something for the connections that are open when it begins."""

    async def admit(self, passage: Passage, client: asyncio.StreamReader, open_passages: int) -> bool:
        """Whether a new connection is let through."""

    async def carry(self, chunk: bytes, passage: Passage, *, is_answer: bool) -> bytes:
        """A chunk on its way, as late and as whole as it arrives; raises Broken."""


class TcpProxy:
    """Listens on a free loopback port and passes everything on to `host:port`, under `condition` where there is one.

    `seed` decides whatever is left to chance. `record` says what the condition, or the last one, did to which
    connection.
    """

    def __init__(self, host: str, port: int, seed: int) -> None:
        self._upstream = (host, port)
        self._seed = seed
        self._condition: Condition | None = None
        self._server: asyncio.Server | None = None
        self._passages: dict[int, Passage] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self.lifted = asyncio.Event()
        self.record: list[str] = []
        self.port = 0

    async def start(self) -> None:
        """Listen; `port` is known from then on."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def impose(self, condition: Condition) -> list[str]:
        """Make the network bad, for open connections too; the record of what that does to whom, as it grows."""
        self.lifted.clear()
        self.record = []
        self._condition = condition
        condition.begins(list(self._passages.values()))
        return self.record

    def lift(self) -> None:
        """Let it be good again; harmless where it is."""
        self._condition = None
        self.lifted.set()

    async def close(self) -> None:
        """Stop listening, and end all connections."""
        self.lift()
        if self._server is not None:
            self._server.close()
        for passage in list(self._passages.values()):
            passage.abort(reset=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._pass(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass(self, client: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        chance = random.Random(f"{self._seed}:{self._count}")  # noqa: S311 - to be repeated, not to be secret
        passage = Passage(self._count, chance, self, [writer])
        others = len(self._passages)
        self._passages[passage.number] = passage
        try:
            if self._condition is not None and not await self._condition.admit(passage, client, others):
                return
            async with asyncio.timeout(_CONNECT_S):
                server, onward = await asyncio.open_connection(*self._upstream)
            passage.writers.append(onward)
            there = self._carry(client, onward, passage, is_answer=False)
            back = self._carry(server, writer, passage, is_answer=True)
            await asyncio.gather(there, back)
        except Broken as end:
            passage.abort(reset=end.reset)
        except (OSError, TimeoutError):
            passage.abort(reset=True)
        finally:
            self._passages.pop(passage.number, None)
            passage.abort(reset=False)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passage: Passage,
        *,
        is_answer: bool,
    ) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            if self._condition is not None:
                chunk = await self._condition.carry(chunk, passage, is_answer=is_answer)
            writer.write(chunk)
            await writer.drain()
            if passage.ending is not None:
                raise passage.ending
        if is_answer:  # the server is done, and so is the connection
            raise Broken(reset=False)
        with contextlib.suppress(OSError):
            writer.write_eof()
