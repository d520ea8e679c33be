"""How a network can be bad: slow, narrow, cut, reset, dead, or its far end gone. Each is imposed on a `TcpProxy`."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pynomaly_itest.target.proxy import Broken, Passage

Sleep = Callable[[float], Awaitable[None]]

_SSL_REQUEST = 80877103
_TOO_MANY = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"


class Fair:
    """The good network, of which each condition changes a part."""

    def begins(self, passages: list[Passage]) -> None:
        """Open connections are left alone."""

    async def admit(self, passage: Passage, client: asyncio.StreamReader, open_passages: int) -> bool:
        """Everybody is let through."""
        return True

    async def carry(self, chunk: bytes, passage: Passage, *, is_answer: bool) -> bytes:
        """As it is, and at once."""
        return chunk


@dataclass
class Delay(Fair):
    """Each piece takes `delay_s` longer in each direction, and up to `jitter_s` more."""

    delay_s: float
    jitter_s: float = 0.0
    sleep: Sleep = asyncio.sleep

    async def carry(self, chunk: bytes, passage: Passage, *, is_answer: bool) -> bytes:
        passage.record_once("delayed")
        await self.sleep(self.delay_s + self.jitter_s * passage.chance.random())
        return chunk


@dataclass
class Narrow(Fair):
    """At most so many bytes a second in each direction of each connection."""

    bytes_per_s: float
    sleep: Sleep = asyncio.sleep

    async def carry(self, chunk: bytes, passage: Passage, *, is_answer: bool) -> bytes:
        passage.record_once("slowed")
        await self.sleep(len(chunk) / self.bytes_per_s)
        return chunk


@dataclass
class Cut(Fair):
    """A share of the connections ends in the middle of an answer, between `least` and `most` bytes on."""

    ratio: float
    least: int
    most: int
    reset: bool
    _left: dict[int, int | None] = field(default_factory=dict)

    async def carry(self, chunk: bytes, passage: Passage, *, is_answer: bool) -> bytes:
        if not is_answer:
            return chunk
        if passage.number not in self._left:
            is_doomed = passage.chance.random() < self.ratio
            self._left[passage.number] = passage.chance.randint(self.least, self.most) if is_doomed else None
        left = self._left[passage.number]
        if left is None:
            return chunk
        if left >= len(chunk):
            self._left[passage.number] = left - len(chunk)
            return chunk
        passage.record(f"{'reset' if self.reset else 'cut'} after {left} more bytes of an answer")
        passage.ending = Broken(reset=self.reset)
        return chunk[:left]


class Blackhole(Fair):
    """Nothing arrives any more, and nobody is told; what waited goes on when it is over, as TCP does."""

    async def carry(self, chunk: bytes, passage: Passage, *, is_answer: bool) -> bytes:
        passage.record("held back")
        await passage.until_lifted()
        return chunk


class Gone(Fair):
    """The far end is not there: open connections are reset, and so is every new one."""

    def begins(self, passages: list[Passage]) -> None:
        for passage in passages:
            passage.record("reset")
            passage.abort(reset=True)

    async def admit(self, passage: Passage, client: asyncio.StreamReader, open_passages: int) -> bool:
        passage.record("refused")
        passage.abort(reset=True)
        return False


@dataclass
class Exhausted(Gone):
    """A PostgreSQL that takes `most` connections and tells all others, in its own words, that it has too many."""

    most: int

    async def admit(self, passage: Passage, client: asyncio.StreamReader, open_passages: int) -> bool:
        if open_passages < self.most:
            return True
        passage.record("told that there are too many clients")
        writer = passage.writers[0]
        while (await _startup_code(client)) == _SSL_REQUEST:
            writer.write(b"N")  # no TLS here: the client goes on without
        writer.write(b"E" + struct.pack("!i", len(_TOO_MANY) + 4) + _TOO_MANY)
        await writer.drain()
        return False


async def _startup_code(client: asyncio.StreamReader) -> int:
    """The code of a start-up message of PostgreSQL's protocol: its version, or a request for TLS."""
    try:
        length, code = struct.unpack("!ii", await client.readexactly(8))
        await client.readexactly(min(max(length - 8, 0), 10_000))
    except (asyncio.IncompleteReadError, struct.error) as problem:
        raise Broken(reset=True) from problem
    return int(code)
