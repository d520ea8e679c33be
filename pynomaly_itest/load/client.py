"""HTTP/1.1 at protocol level: the hot path, about as cheap as wrk.

One `Connection` carries one request at a time, prepared as bytes; its answer is parsed by llhttp and becomes a
row of six integers: code, intended, dispatched, sent, first byte, done (ns, CLOCK_MONOTONIC). An answer that is to
the byte the one that the server usually gives is not parsed again (see `usual`). Nothing that a server sends is
trusted: too much of it, not HTTP, or more answers than questions end the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Protocol, cast

import httptools

from pynomaly_itest.load import answers
from pynomaly_itest.load.checks import outcome_of, text_at
from pynomaly_itest.load.frames import ROW
from pynomaly_itest.load.outcomes import CODE_OUTCOME_SHIFT, SUCCEEDED, Outcome
from pynomaly_itest.load.server_timing import server_ms
from pynomaly_itest.load.usual import UsualAnswer
from pynomaly_itest.transport.coding import content_coding, decoded
from pynomaly_itest.transport.reply import BadReply, ends_with_connection, mended
from pynomaly_itest.transport.status import is_success

if TYPE_CHECKING:
    from pynomaly_itest.load.wire import Prepared

_HEAD_KEPT = 16 * 1024
_SERVER_TIMING_EVERY = 16
_SHEDDING = (429, 503)
_INTERNAL_ERROR = 500
_COMPRESSED = b"\x1f\x78"
"""How the bodies begin that `decoded` knows (gzip, zlib): looking at a byte is cheaper than at every head."""
_row = ROW.pack


class Owner(Protocol):
    """What a connection tells to whoever holds it (see `Pool`)."""

    max_response_bytes: int
    rows: list[bytes]
    usual: UsualAnswer

    def released(self, connection: Connection, now_ns: int) -> None: ...
    def lost(self, connection: Connection, *, ended_request: bool) -> None: ...
    def try_again(self, connection: Connection) -> None: ...
    def served_in(self, milliseconds: float) -> None: ...
    def explain(self, prepared: Prepared, outcome: Outcome, status: int, body: bytes) -> None: ...
    def compared(self) -> None: ...
    def has_created(self, prepared: Prepared, created: str) -> None: ...


class Connection(asyncio.Protocol):
    """One connection to the server: idle, or busy with exactly one request."""

    __slots__ = (
        "_owner",
        "_parser",
        "_record",
        "_usual",
        "_write",
        "answers",
        "busy",
        "dispatched_ns",
        "first_ns",
        "head",
        "idle_since_ns",
        "intended_ns",
        "is_amid",
        "keeps_alive",
        "plain_code",
        "prepared",
        "received",
        "sent_ns",
        "served",
        "status",
        "transport",
        "user",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._parser: Any = httptools.HttpResponseParser(self)
        self._record = owner.rows.append
        self._usual = owner.usual
        self._write: Callable[[bytes], None] | None = None
        self.transport: asyncio.Transport | None = None
        self.prepared: Prepared | None = None
        self.user: Any = None
        self.busy = False
        self.keeps_alive = True
        self.is_amid = False
        self.served = self.status = self.answers = self.received = 0
        self.plain_code = 0
        self.head = b""
        self.intended_ns = self.dispatched_ns = self.sent_ns = self.first_ns = self.idle_since_ns = 0

    def start(
        self, prepared: Prepared, intended_ns: int, dispatched_ns: int, sent_ns: int, user: Any
    ) -> None:
        """Send a request now, which is `sent_ns`. Only for an idle connection."""
        self.prepared = prepared
        self.plain_code = prepared.plain_code
        self.intended_ns = intended_ns
        self.dispatched_ns = dispatched_ns
        self.sent_ns = sent_ns
        self.user = user
        self.busy = True
        self._write(prepared.data)  # type: ignore[misc] # idle means connected

    def fail(self, outcome: Outcome, done_ns: int) -> None:
        """End the request in hand, and the connection with it."""
        self.busy = False
        self.plain_code = 0
        self._note(outcome, 0, done_ns)
        self.abort()
        self._owner.lost(self, ended_request=True)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._write = self.transport.write

    def data_received(self, data: bytes) -> None:
        now = monotonic_ns()
        code = self.plain_code
        if code and data == self._usual.answer:  # what most requests come to: nothing below costs as little
            self._record(_row(code, self.intended_ns, self.dispatched_ns, self.sent_ns, now, now))
            self.plain_code = 0
            self.busy = False
            self.served += 1
            self._owner.released(self, now)
        elif self.busy:
            self._parse(data, now)
        else:  # an answer that nobody asked for
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._parser = self._write = None  # parser and connection hold each other, and the collector is off
        if not self.busy:
            self._owner.lost(self, ended_request=False)
            return
        now = monotonic_ns()
        self.status = ends_with_connection(self.head) if exc is None else 0
        if self.status:
            self.keeps_alive = False
            self._answered(now, self.head)
        elif self.first_ns == 0 and self.served and self.prepared is not None and self.prepared.is_retriable:
            self.busy = False  # the server closed it as we wrote: as every client does, once more elsewhere
            self._owner.try_again(self)
            self._owner.lost(self, ended_request=False)
        else:
            self.fail(Outcome.RESET, now)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self.is_amid = True

    def on_message_complete(self) -> None:
        self.is_amid = False
        parser = self._parser
        self.status = status = parser.get_status_code()
        if status >= 200:  # 100 Continue and its like are followed by the answer
            self.answers += 1
            self.keeps_alive = (
                parser.should_keep_alive()
            )  # known only now: the parser goes on to the next message

    # inside

    def _parse(self, data: bytes, now: int) -> None:
        self.plain_code = 0
        if not self.first_ns:
            self.first_ns = now
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            if self.answers or not self._reads_mended(problem, data):
                self.fail(Outcome.BAD_BODY, now)
                return
        if self.answers == 1 and not self.is_amid:
            self._answered(now, data)
        elif self.answers:  # one that nobody asked for has at least begun
            self.fail(Outcome.BAD_BODY, now)
        else:
            self._go_on(data, now)

    def _reads_mended(self, problem: Exception, data: bytes) -> bool:
        """Whether an answer that the parser refused can be read with RFC 9112's allowances for its head."""
        if isinstance(problem, httptools.HttpParserUpgrade) or self.received > len(self.head):
            return False
        self._parser = IrregularHead(self, self.head)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        return True

    def parse_with(self, parser: Any) -> None:
        """Go on with this parser."""
        self._parser = parser

    def _go_on(self, data: bytes, now: int) -> None:
        """There is more to come: remember how the answer began, in case it ends with the connection."""
        self.received += len(data)
        if self.received > self._owner.max_response_bytes:
            self.fail(Outcome.BAD_BODY, now)
        elif len(self.head) < _HEAD_KEPT:
            self.head += data[:_HEAD_KEPT]

    def _answered(self, now: int, data: bytes) -> None:
        prepared, status = self.prepared, self.status
        if prepared is None:
            return
        self.served += 1
        if prepared.is_plain and 200 <= status < 300:
            self._note(Outcome.STATUS_2XX, SUCCEEDED, now)
            if prepared.plain_code and self.keeps_alive and not self.received:
                self._usual.saw(data)
        else:
            self._judge(prepared, status, now, data)
        if self.served % _SERVER_TIMING_EVERY == 1:
            self._read_server_timing(data)
        self.first_ns = self.received = self.answers = 0
        self.head = b""
        self.busy = False
        if self.keeps_alive:
            self._owner.released(self, now)
        else:
            self.abort()
            self._owner.lost(self, ended_request=True)

    def _judge(self, prepared: Prepared, status: int, now: int, data: bytes) -> None:
        """Enter an answer that has to be looked at: an unexpected status, or one with checks.

        A connection is not used again behind a 500: servers close it after an unhandled exception, and the request
        that comes next would be the one that fails.
        """
        if status == _INTERNAL_ERROR:
            self.keeps_alive = False
        succeeded = is_success(status, prepared.expect_status)
        outcome, head = Outcome(min(status // 100, 5)), self.head or data
        if status in _SHEDDING and not succeeded:
            outcome = Outcome.SHED if _says_when_to_retry(head) else Outcome.SHED_UNTOLD
        wrong = self._wrong_with(prepared, head) if succeeded else None
        if wrong is not None:
            outcome, succeeded = wrong, False
        self._note(outcome, SUCCEEDED if succeeded else 0, now)
        if not succeeded:
            self._owner.explain(prepared, outcome, status, self.body())

    def _note(self, outcome: Outcome, succeeded: int, done_ns: int) -> None:
        if self.prepared is not None:
            code = code_of(self.prepared, outcome, succeeded)
            first_ns = self.first_ns or done_ns
            self._record(_row(code, self.intended_ns, self.dispatched_ns, self.sent_ns, first_ns, done_ns))

    def _read_server_timing(self, data: bytes) -> None:
        spent = server_ms(self.head or data)
        if spent is not None:
            self._owner.served_in(spent)

    def _wrong_with(self, prepared: Prepared, head: bytes) -> Outcome | None:
        return None

    def body(self) -> bytes:
        """What was kept of the answer's body: nothing, unless it is checked."""
        return b""


class CarefulConnection(Connection):
    """A connection for plans whose answers are checked, or that send HEAD: it keeps the bodies, and knows that an
    answer to HEAD ends with its head, whatever length it states.
    """

    __slots__ = ("chunks",)

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        self.chunks: list[bytes] = []

    def start(
        self, prepared: Prepared, intended_ns: int, dispatched_ns: int, sent_ns: int, user: Any
    ) -> None:
        self.chunks = []
        super().start(prepared, intended_ns, dispatched_ns, sent_ns, user)

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self.prepared is not None and self.prepared.has_no_body and parser.get_status_code() >= 200:
            self.status = parser.get_status_code()
            self.answers += 1
            self.keeps_alive = parser.should_keep_alive()
            self.is_amid = False
            self._parser = httptools.HttpResponseParser(self)  # the old one would wait for the body

    def on_body(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self.prepared is not None and not self.prepared.has_no_body:
            super().on_message_complete()

    def _wrong_with(self, prepared: Prepared, head: bytes) -> Outcome | None:
        """Why a success is none: first whether it is the answer to this body at all, then its checks."""
        if self.chunks and self.chunks[0][0] in _COMPRESSED and (coding := content_coding(head)):
            try:
                self.chunks = [decoded(self.body(), coding, self._owner.max_response_bytes)]
            except BadReply:
                return Outcome.BAD_BODY
        if prepared.created_id is not None:
            self._owner.has_created(prepared, text_at(self.body(), prepared.created_id))
        if prepared.answer is not None and self._is_due(prepared.verify_every):
            self._owner.compared()
            wrong = answers.judge(self.body(), prepared.answer, prepared.known)
            if wrong is not None:
                return wrong
        if prepared.checks and self._is_due(prepared.check_every):
            return outcome_of(self.body(), prepared.checks)
        return None

    def _is_due(self, every: int) -> bool:
        return every == 1 or self.served % every == 1

    def body(self) -> bytes:
        return b"".join(self.chunks)


class IrregularHead:
    """Stands in for a connection's parser until a head that it refused is all there, and can be mended."""

    def __init__(self, connection: Connection, begun: bytes) -> None:
        self._connection = connection
        self._begun = begun

    def feed_data(self, data: bytes) -> None:
        """Read on; raises HttpParserError where it can't be mended."""
        self._begun += data
        try:
            regular = mended(self._begun)
        except BadReply as problem:
            raise httptools.HttpParserError(str(problem)) from problem
        if regular is not None:
            parser: Any = httptools.HttpResponseParser(self._connection)
            self._connection.parse_with(parser)
            parser.feed_data(regular)


def code_of(prepared: Prepared, outcome: int, succeeded: int) -> int:
    """A row's code: endpoint << 8 | outcome << 1 | succeeded."""
    return prepared.code | outcome << CODE_OUTCOME_SHIFT | succeeded


def _says_when_to_retry(head: bytes) -> bool:
    return b"\r\nretry-after:" in head.partition(b"\r\n\r\n")[0].lower()
