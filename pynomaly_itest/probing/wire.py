"""Bytes on a socket as they are: for requests that no HTTP library would send (lying lengths, TRACE, pipelines)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.transport.departures import Departures
from pynomaly_itest.transport.reply import BadReply, ReplyReader
from pynomaly_itest.transport.tls import SYSTEM, Tls

if TYPE_CHECKING:
    from pynomaly_itest.events import Exchange
    from pynomaly_itest.probing.context import Budget
    from pynomaly_itest.redaction import Redactor

_MOST_REPLY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
_SHOWN_CHARS = 2_000


@dataclass(frozen=True)
class WireReply:
    """What came back: None as status where the target closed, reset or said nothing in time."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    exchange: Exchange
    sent_bytes: int
    timed_out: bool = False


@dataclass
class Wire:
    """Raw exchanges with one origin. Every request carries the run's id."""

    url: str
    address: str
    redactor: Redactor
    budget: Budget
    run_id: str
    departures: Departures
    tls: Tls = SYSTEM

    async def connect(self, *, tls: ssl.SSLContext | None = None) -> Connection:
        """A connection to the target, over TLS where its URL says so; raises OSError where there is none.

        Raises NotApplicable for a target without a socket.
        """
        parts = urlsplit(self.url)
        if parts.hostname == "inprocess":
            raise NotApplicable("a target in this process has no socket")
        self.budget.spend(connections=1)
        context = tls or (self.tls.context() if parts.scheme == "https" else None)
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(
                self.address,
                parts.port or (443 if parts.scheme == "https" else 80),
                ssl=context,
                server_hostname=parts.hostname if context else None,
                limit=_MOST_REPLY_BYTES,
            ),
            10.0,
        )
        return Connection(reader, writer, self, parts.netloc)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        chunks: tuple[bytes, ...] = (),
        timeout_s: float = 10.0,
    ) -> WireReply:
        """One request on a connection of its own; headers are sent as given, with Host and the run's id."""
        connection = await self.connect()
        try:
            return await connection.ask(method, path, headers, chunks, timeout_s)
        finally:
            await connection.close()


@dataclass
class Connection:
    """One open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wire: Wire
    host: str

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """A request's head as bytes."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}",
            f"X-Pynomaly-Itest-Run: {self.wire.run_id}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], chunks: tuple[bytes, ...], timeout_s: float
    ) -> WireReply:
        """Send head and chunks while listening: a target may answer before it was sent everything."""
        self.wire.budget.spend(requests=1, sent_bytes=sum(map(len, chunks)))
        await self.wire.departures.leave()
        sent = 0

        async def send() -> None:
            nonlocal sent
            with contextlib.suppress(OSError):
                self.writer.write(self.head(method, path, headers))
                for chunk in chunks:
                    self.writer.write(chunk)
                    await self.writer.drain()
                    sent += len(chunk)

        sending = asyncio.create_task(send())
        reader = ReplyReader(answers_head=method == "HEAD", most_bytes=_MOST_REPLY_BYTES)
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                await self._read(reader)
        except TimeoutError:
            timed_out = True
        except (OSError, BadReply):
            pass  # closed, reset or no HTTP: what came until then is the reply
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        status = reader.status if reader.has_head else None
        found = {
            name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in reader.fields
        }
        body = reader.take()
        exchange = self._exchange(method, path, headers, chunks, status, found, body)
        return WireReply(status, found, body, exchange, sent, timed_out)

    async def _read(self, reply: ReplyReader) -> None:
        """Read on until the reply is complete; raises BadReply where the connection ends before, or it is no HTTP."""
        while not reply.is_complete:
            if data := await self.reader.read(_PIECE_BYTES):
                reply.feed(data)
            else:
                reply.end()

    async def read_head(self) -> tuple[int, dict[str, str]]:  # a status and its headers belong together
        """The status and headers (lower case) of the next of several replies that come one behind the other.

        Raises ValueError for what is no HTTP.
        """
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = raw.split("\r\n")
        headers = {}
        for line in rest:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        version, _, status = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError("not HTTP")
        return int(status[:3]), headers

    async def read_body(self, headers: Mapping[str, str]) -> bytes:
        """The body that these headers announce, at most 1 MiB of it."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while len(body) < _MOST_REPLY_BYTES:
                size = int((await self.reader.readline()).split(b";")[0], 16)
                piece = await self.reader.readexactly(min(size, _MOST_REPLY_BYTES))
                await self.reader.readline()
                if size == 0:
                    break
                body += piece
            return body
        announced = int(headers.get("content-length", "0"))
        return await self.reader.readexactly(min(announced, _MOST_REPLY_BYTES))

    async def close(self) -> None:
        """Close without waiting for the other side."""
        self.writer.close()
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            await asyncio.wait_for(self.writer.wait_closed(), 1.0)

    def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        chunks: tuple[bytes, ...],
        status: int | None,
        reply_headers: Mapping[str, str],
        body: bytes,
    ) -> Exchange:
        from pynomaly_itest.events import Exchange
        from pynomaly_itest.target.http import show_bytes

        redactor = self.wire.redactor
        size = sum(map(len, chunks))
        return Exchange(
            method=method,
            url=redactor.text(f"{self.wire.url}{path}"),
            request_headers=redactor.headers(headers),
            request_body=f"({size} bytes in {len(chunks)} pieces)" if chunks else None,
            status=status,
            reply_headers=redactor.headers(reply_headers),
            reply_body=redactor.text(show_bytes(body))[:_SHOWN_CHARS],
            error=None if status is not None else "the connection was closed without an answer",
        )
