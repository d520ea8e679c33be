"""The one way out for single requests: an httpx transport that writes, reads and gives up as the rest of the tool does.

Every exchange has one deadline, the client's `timeout`, for the whole of it: connecting, sending, and reading to the
last byte. A reply that drips can't outlast it. A connection that was used before may have been closed by the server
in the meantime: a request that may be repeated is then sent once more on a fresh one (RFC 9110, 9.2.2), and one that
may not goes out only on a connection that was used a moment ago.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from pynomaly_itest.transport.connection import Connection, Ended
from pynomaly_itest.transport.departures import Departures, departures_for
from pynomaly_itest.transport.reply import BadReply, CutOff, ReplyReader
from pynomaly_itest.transport.request import head_bytes, is_idempotent
from pynomaly_itest.transport.tls import SYSTEM, certificate_problem

MOST_CONNECTIONS = 64
_MOST_IDLE = 16
_SURELY_OPEN_S = 1.0
"""Servers close idle connections after 2 s (gunicorn), 5 s (uvicorn, Node) or later."""
_GREETING_S = 1.0
_PIECE_BYTES = 1 << 16
_INTERNAL_ERROR = 500


def open_client(
    url: str,
    timeout_s: float,
    *,
    address: str | None = None,
    host: str | None = None,
    tls: ssl.SSLContext | None = None,
    departures: Departures | None = None,
) -> httpx.AsyncClient:
    """A client of one origin. timeout_s: the deadline of an exchange, all of it.

    address: where to connect to, whatever the name resolves to. host: the Host header, where it is not the URL's.
    tls: whom to trust. departures: who is asked before each request; None: what holds where nobody answers for more.
    It follows no redirect, reads no variable of the environment, and keeps no cookie.
    """
    going_by = departures or departures_for(url, is_authorised=False)
    transport = DirectTransport(address=address, tls=tls, departures=going_by)
    return client_over(transport, url, timeout_s, {"Host": host} if host else {})


def client_over(
    transport: httpx.AsyncBaseTransport, url: str, timeout_s: float, fields: Mapping[str, str] | None = None
) -> httpx.AsyncClient:
    """The same client over a transport of another kind."""
    client = httpx.AsyncClient(
        base_url=url,
        timeout=timeout_s,
        trust_env=False,
        follow_redirects=False,
        transport=transport,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
    client.headers.clear()  # httpx's own: the writer has the tool's
    client.headers.update(fields or {})
    return client


class DirectTransport(httpx.AsyncBaseTransport):
    """Connections to the origins that are asked for, kept and used again.

    A request's extensions may say its `target` (the request target in bytes, instead of the URL's path) and a
    `clock`; the response's `sent_at` is then what the clock said when its first byte left.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        tls: ssl.SSLContext | None = None,
        departures: Departures,
    ) -> None:
        self._address = address
        self._tls = tls
        self._departures = departures
        self._idle: dict[_Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._places = asyncio.Semaphore(MOST_CONNECTIONS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._departures.leave()  # the deadline is the target's: it begins when the request may leave
        exchange = _Exchange(request)
        try:
            async with asyncio.timeout_at(exchange.deadline):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("every connection was in use", request=request) from None
        try:
            return await self._carry_out(exchange)
        except BaseException:
            self._places.release()
            raise

    async def _carry_out(self, exchange: _Exchange) -> httpx.Response:
        connection = self._kept(exchange)
        if connection is not None:
            try:
                return await self._ask(connection, exchange)
            except Ended as ended:
                if not exchange.is_repeatable:
                    raise exchange.ended(ended, reused=True) from ended
                await self._departures.leave()
        connection = await self._connect(exchange)
        try:
            return await self._ask(connection, exchange)
        except Ended as ended:
            if exchange.is_tls and not isinstance(ended.cause, ssl.SSLError):
                ended = await self._greeted(exchange) or ended
            raise exchange.ended(ended, reused=False) from ended

    async def _ask(self, connection: Connection, exchange: _Exchange) -> httpx.Response:
        """Send and read the head of the reply; the response's stream reads the rest."""
        try:
            async with asyncio.timeout_at(exchange.deadline):
                reader = await exchange.send_on(connection)
        except BaseException as problem:
            self._drop(connection)
            match problem:
                case TimeoutError():
                    raise httpx.ReadTimeout("no answer in time", request=exchange.request) from problem
                case BadReply():
                    raise bad_reply(problem, exchange.request) from problem
                case _:
                    raise
        return httpx.Response(
            reader.status,
            headers=reader.fields,
            stream=_Body(self, connection, exchange, reader.status),
            request=exchange.request,
            extensions={"http_version": b"HTTP/1.1", "sent_at": exchange.sent_at},
        )

    def _kept(self, exchange: _Exchange) -> Connection | None:
        """A connection from before that this request may go out on."""
        idle = self._idle.get(exchange.origin, [])
        now = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            is_recent = now - connection.idle_since < _SURELY_OPEN_S
            if (exchange.is_repeatable or is_recent) and connection.is_usable:
                return connection
            self._drop(connection)
        return None

    async def _connect(self, exchange: _Exchange) -> Connection:
        url, request = exchange.request.url, exchange.request
        is_tls = exchange.is_tls
        opening = asyncio.get_running_loop().create_connection(
            Connection,
            self._address or url.host,
            url.port or (443 if is_tls else 80),
            ssl=(self._tls or SYSTEM.context()) if is_tls else None,
            server_hostname=url.host if is_tls else None,
        )
        try:
            async with asyncio.timeout_at(exchange.deadline):
                _, connection = await opening
        except TimeoutError as problem:
            raise httpx.ConnectTimeout("no connection in time", request=request) from problem
        except ssl.SSLCertVerificationError as problem:
            why = certificate_problem(problem, url.host, await self._shown(exchange))
            raise httpx.ConnectError(why, request=request) from problem
        except OSError as problem:  # other TLS errors are OSErrors too
            raise httpx.ConnectError(connect_problem(problem), request=request) from problem
        self._open.add(connection)
        return connection

    async def _greeted(self, exchange: _Exchange) -> Ended | None:
        """How a server ends a connection on which nothing was asked; None where it doesn't.

        One that misses a client's certificate says so behind the handshake, and what it says is lost where the system
        resets the connection because of a request that it did not read.
        """
        try:
            connection = await self._connect(exchange)
        except httpx.TransportError:
            return None
        connection.begin(ReplyReader())
        try:
            async with asyncio.timeout(_GREETING_S):
                await connection.head()
        except Ended as ended:
            return ended if isinstance(ended.cause, ssl.SSLError) else None
        except (TimeoutError, BadReply):
            return None
        finally:
            self._drop(connection)
        return None

    async def _shown(self, exchange: _Exchange) -> bytes | None:
        """The certificate that the server shows, asked for once more without trust; None where it can't be had."""
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        url = exchange.request.url
        try:
            async with asyncio.timeout_at(exchange.deadline):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol,
                    self._address or url.host,
                    url.port or 443,
                    ssl=unverified,
                    server_hostname=url.host,
                )
        except (OSError, TimeoutError):
            return None
        shown = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        transport.abort()
        return bytes(shown) if shown else None

    def over(self, connection: Connection, exchange: _Exchange, status: int) -> None:
        """The response was read, or given up: keep its connection where that is safe.

        After a 500 it is not: servers close the connection behind an unhandled exception, and the request that
        comes next would be the one that fails.
        """
        self._places.release()
        idle = self._idle.setdefault(exchange.origin, [])
        is_whole = connection.finish() and exchange.is_sent and status != _INTERNAL_ERROR
        if is_whole and len(idle) < _MOST_IDLE:
            connection.idle_since = asyncio.get_running_loop().time()
            idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()

    async def aclose(self) -> None:
        for connection in list(self._open):
            self._drop(connection)
        self._idle.clear()
        await asyncio.sleep(0)  # the connections learn of their end


_Origin = tuple[str, str, int | None]


class _Exchange:
    """A request on its way: what of it is left to do, and until when."""

    def __init__(self, request: httpx.Request) -> None:
        self.request = request
        self.origin: _Origin = (request.url.scheme, request.url.host, request.url.port)
        limits: Mapping[str, Any] = request.extensions.get("timeout") or {}
        known = [limit for limit in limits.values() if limit is not None]
        self.deadline = asyncio.get_running_loop().time() + max(known) if known else None
        self.clock: Callable[[], float] = request.extensions.get("clock", time.perf_counter)
        self.sent_at: float | None = None
        self.is_tls = request.url.scheme == "https"
        self.is_sent = False
        self.content = request.content if isinstance(request.stream, httpx.ByteStream) else None
        self.is_repeatable = is_idempotent(request.method) and self.content is not None

    async def send_on(self, connection: Connection) -> ReplyReader:
        """Send while listening, as a server may answer before it was sent everything; the reply, from its head on."""
        connection.begin(ReplyReader(answers_head=self.request.method == "HEAD"))
        if self.content is not None and len(self.content) <= _PIECE_BYTES:
            self._leaves()
            await connection.write(self._head() + self.content)
            self.is_sent = True
            return await connection.head()
        sending = asyncio.create_task(self._send_pieces(connection))
        answered = asyncio.create_task(connection.head())
        try:
            await asyncio.wait({sending, answered}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            return await answered
        finally:
            for task in (sending, answered):
                task.cancel()
            await asyncio.gather(sending, answered, return_exceptions=True)

    def ended(self, ended: Ended, *, reused: bool) -> httpx.ReadError:
        """The error of a connection that ended without a byte of the reply."""
        text = f"the connection {ended_how(ended.cause)}"
        if reused:
            text += f", and had been used before: {self.request.method} is not sent again, as it may have been done"
        return httpx.ReadError(text, request=self.request)

    async def _send_pieces(self, connection: Connection) -> None:
        self._leaves()
        with contextlib.suppress(Ended):  # the reply says why, where there is one
            await connection.write(self._head())
            is_chunked = self._length() is None
            async for piece in self._pieces():
                await connection.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            if is_chunked:
                await connection.write(b"0\r\n\r\n")
            self.is_sent = True

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self.content is not None:
            for start in range(0, len(self.content), _PIECE_BYTES):
                yield self.content[start : start + _PIECE_BYTES]
            return
        stream = self.request.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an asynchronous client makes no other
        async for piece in stream:
            if piece:
                yield piece

    def _head(self) -> bytes:
        request = self.request
        target = request.extensions.get("target", request.url.raw_path)
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        return head_bytes(request.method, target, request.url.netloc.decode(), fields, self._length())

    def _length(self) -> int | None:
        if self.content is not None:
            return len(self.content)
        stated = self.request.headers.get("content-length")
        return int(stated) if stated is not None else None

    def _leaves(self) -> None:
        if self.sent_at is None:
            self.sent_at = self.clock()


class _Body(httpx.AsyncByteStream):
    """A reply's body; the connection goes back when it was read, or given up."""

    def __init__(
        self, transport: DirectTransport, connection: Connection, exchange: _Exchange, status: int
    ) -> None:
        self._transport = transport
        self._connection: Connection | None = connection
        self._exchange = exchange
        self._status = status

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self._connection is not None  # noqa: S101 - not closed
        request = self._exchange.request
        try:
            chunks = self._connection.body()
            while True:
                async with asyncio.timeout_at(self._exchange.deadline):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                yield chunk
        except TimeoutError as problem:
            raise httpx.ReadTimeout("no whole answer in time", request=request) from problem
        except BadReply as problem:
            raise bad_reply(problem, request) from problem

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.over(connection, self._exchange, self._status)


def bad_reply(problem: BadReply, request: httpx.Request) -> httpx.TransportError:
    """httpx's error for a reply that was cut off, or is none."""
    kind = httpx.ReadError if isinstance(problem, CutOff) else httpx.RemoteProtocolError
    return kind(str(problem), request=request)


def ended_how(cause: Exception | None) -> str:
    """How a connection ended before an answer came."""
    if isinstance(cause, ssl.SSLError):
        if "CERTIFICATE_REQUIRED" in (cause.reason or ""):
            return "was closed: the server asks for a client's certificate (--cert, --key)"
        return f"was closed by TLS: {_in_words(cause)}"
    return "was reset" if isinstance(cause, OSError) else "was closed without an answer"


def _in_words(problem: ssl.SSLError) -> str:
    reason = (problem.reason or str(problem)).lower().replace("_", " ")
    return reason.removeprefix("sslv3 alert ").removeprefix("tlsv1 alert ").removeprefix("tlsv13 alert ")


def connect_problem(problem: OSError) -> str:
    """Why there is no connection, in the words of someone who runs services."""
    if isinstance(problem, ConnectionRefusedError) or "connect call failed" in str(problem).lower():
        return "connection refused"
    if isinstance(problem, ssl.SSLError):
        return f"TLS: {_in_words(problem)}"
    return f"no connection: {problem.strerror or problem}"
