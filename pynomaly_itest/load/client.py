"""HTTP/1.1 at protocol level: the hot path, about as cheap as wrk.

One `Connection` carries one request at a time, prepared as bytes; its answer is parsed by llhttp and becomes a
row of six integers: code, intended, dispatched, sent, first byte, done (ns, CLOCK_MONOTONIC). Nothing that a
server sends is trusted: too much of it, not HTTP, or more answers than questions end the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Protocol, cast

import httptools

from pynomaly_itest.load.checks import outcome_of
from pynomaly_itest.load.outcomes import CODE_OUTCOME_SHIFT, Outcome
from pynomaly_itest.load.server_timing import server_ms

if TYPE_CHECKING:
    from pynomaly_itest.load.wire import Prepared

_HEAD_KEPT = 16 * 1024
_SERVER_TIMING_EVERY = 16
_OK = 1


class Owner(Protocol):
    """What a connection tells to whoever holds it (see `Pool`)."""

    max_response_bytes: int

    def record(self, connection: Connection, outcome: Outcome, succeeded: int, done_ns: int) -> None: ...
    def released(self, connection: Connection) -> None: ...
    def lost(self, connection: Connection, *, ended_request: bool) -> None: ...
    def try_again(self, connection: Connection) -> None: ...
    def served_in(self, milliseconds: float) -> None: ...
    def explain(self, prepared: Prepared, outcome: Outcome, status: int, body: bytes) -> None: ...


class Connection(asyncio.Protocol):
    """One connection to the server: idle, or busy with exactly one request."""

    __slots__ = (
        "answers",
        "busy",
        "dispatched_ns",
        "first_ns",
        "head",
        "idle_since_ns",
        "intended_ns",
        "keeps_alive",
        "owner",
        "parser",
        "prepared",
        "received",
        "sent_ns",
        "served",
        "status",
        "transport",
        "user",
    )

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.parser: Any = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.prepared: Prepared | None = None
        self.user: Any = None
        self.busy = False
        self.served = 0
        self.status = 0
        self.answers = 0
        self.received = 0
        self.keeps_alive = True
        self.head = b""
        self.intended_ns = self.dispatched_ns = self.sent_ns = self.first_ns = self.idle_since_ns = 0

    def start(self, prepared: Prepared, intended_ns: int, dispatched_ns: int, user: Any) -> None:
        """Send a request now. Only for an idle connection."""
        self.prepared = prepared
        self.intended_ns = intended_ns
        self.dispatched_ns = dispatched_ns
        self.user = user
        self.first_ns = 0
        self.received = 0
        self.answers = 0
        self.status = 0
        self.busy = True
        self.sent_ns = monotonic_ns()
        self.transport.write(prepared.data)  # type: ignore[union-attr] # idle means connected

    def fail(self, outcome: Outcome, done_ns: int) -> None:
        """End the request in hand, and the connection with it."""
        self.busy = False
        self.owner.record(self, outcome, 0, done_ns)
        self.abort()
        self.owner.lost(self, ended_request=True)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        now = monotonic_ns()
        if not self.busy:  # an answer that nobody asked for
            self.abort()
            return
        if not self.first_ns:
            self.first_ns = now
        self.received += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(Outcome.BAD_BODY, now)
            return
        if self.answers == 1:
            self._answered(now, data)
        elif self.answers > 1 or self.received > self.owner.max_response_bytes:
            self.fail(Outcome.BAD_BODY, now)
        elif (
            len(self.head) < _HEAD_KEPT
        ):  # long or slow: remember how it began, in case it ends with the connection
            self.head += data[:_HEAD_KEPT]

    def connection_lost(self, exc: Exception | None) -> None:
        self.parser = None  # they hold each other, and the collector is off
        if not self.busy:
            self.owner.lost(self, ended_request=False)
            return
        now = monotonic_ns()
        if exc is None and self.status >= 200 and ends_with_connection(self.head):
            self.keeps_alive = False
            self._answered(now, self.head)
        elif self.received == 0 and self.served and self.prepared is not None and self.prepared.is_retriable:
            self.busy = False  # the server closed it as we wrote: as every client does, once more elsewhere
            self.owner.try_again(self)
            self.owner.lost(self, ended_request=False)
        else:
            self.fail(Outcome.RESET, now)

    # httptools' callbacks

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        self.status = status
        if status >= 200 and self.prepared is not None and self.prepared.has_no_body:
            self.keeps_alive = self.parser.should_keep_alive()
            self.answers += 1
            self.parser = httptools.HttpResponseParser(self)  # llhttp would go on to wait for the body

    def on_message_complete(self) -> None:
        if self.status >= 200 and self.prepared is not None and not self.prepared.has_no_body:
            self.keeps_alive = self.parser.should_keep_alive()
            self.answers += 1

    def _answered(self, now: int, data: bytes) -> None:
        prepared = self.prepared
        status = self.status
        if prepared is None:
            return
        expected = prepared.expect_status
        succeeded = (status in expected) if expected else 200 <= status < 300
        self.served += 1
        owner = self.owner
        outcome = Outcome.STATUS_2XX if 200 <= status < 300 else Outcome(min(status // 100, 5))
        wrong = self._wrong_with(prepared) if succeeded and prepared.checks else None
        if wrong is not None:
            outcome, succeeded = wrong, False
        owner.record(self, outcome, _OK if succeeded else 0, now)
        if not succeeded:
            owner.explain(prepared, outcome, status, self.body())
        if self.served % _SERVER_TIMING_EVERY == 1:
            spent = server_ms(self.head or data)
            if spent is not None:
                owner.served_in(spent)
        self.head = b""
        self.busy = False
        self.idle_since_ns = now
        if self.keeps_alive:
            owner.released(self)
        else:
            self.abort()
            owner.lost(self, ended_request=True)

    def _wrong_with(self, prepared: Prepared) -> Outcome | None:
        return None

    def body(self) -> bytes:
        """What was kept of the answer's body: nothing, unless it is checked."""
        return b""


class CheckedConnection(Connection):
    """A connection that keeps the bodies, for plans whose answers are checked."""

    __slots__ = ("chunks",)

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        self.chunks: list[bytes] = []

    def start(self, prepared: Prepared, intended_ns: int, dispatched_ns: int, user: Any) -> None:
        self.chunks = []
        super().start(prepared, intended_ns, dispatched_ns, user)

    def on_body(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def _wrong_with(self, prepared: Prepared) -> Outcome | None:
        due = prepared.check_every == 1 or self.served % prepared.check_every == 1
        return outcome_of(self.body(), prepared.checks) if due else None

    def body(self) -> bytes:
        return b"".join(self.chunks)


def code_of(prepared: Prepared, outcome: int, succeeded: int) -> int:
    """A row's code: endpoint << 8 | outcome << 1 | succeeded."""
    return prepared.code | outcome << CODE_OUTCOME_SHIFT | succeeded


def ends_with_connection(head: bytes) -> bool:
    """Whether an answer that began so has no length of its own: then its end is the connection's (RFC 9112, 6.3)."""
    end = head.find(b"\r\n\r\n")
    if end < 0:
        return False
    fields = head[:end].lower()
    return b"\r\ncontent-length:" not in fields and b"\r\ntransfer-encoding:" not in fields


Factory = Callable[[Owner], Connection]
