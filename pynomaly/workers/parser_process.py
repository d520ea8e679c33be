"""One parsing process as the server sees it: asked one thing at a time, and ended where it must be."""

from __future__ import annotations

import contextlib
import logging
import select
import signal
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

import msgspec

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import (
    InvalidInput,
    Overloaded,
    PynomalyError,
    TooLarge,
    UnreadableDataset,
    UnsupportedMedia,
)
from pynomaly.domain.limits import DataLimits
from pynomaly.workers import parser_messages as messages
from pynomaly.workers.launching import Launched
from pynomaly.workers.parser_messages import (
    Alive,
    BodyFollows,
    Close,
    End,
    Limits,
    Need,
    Next,
    Open,
    Opened,
    ReadBody,
    Reply,
    Request,
    RowsFollow,
    Unusable,
)

Expected = TypeVar("Expected", Alive, Opened, RowsFollow, BodyFollows, End)

logger = logging.getLogger(__name__)

_MAX_SAID = 2_000
_START_S = 120.0
_FAREWELL_S = 2.0
_MAX_HEADER_BYTES = 8 << 20
_MAX_NEED_BYTES = 4 << 20
_WALL_S_PER_CPU_S = 20
"""How much longer than its processor time a request may take before it is given up: the machine may be busy."""
_STATUSES: dict[int, type[PynomalyError]] = {
    error.status: error for error in (InvalidInput, TooLarge, UnsupportedMedia)
}


class ParserProcess:
    """Not for use by two threads at once. Raises the platform's errors for what the process refuses or dies of."""

    def __init__(self, launched: Launched) -> None:
        self._process = launched.process
        self._connection = launched.connection
        self._waiting = select.poll()  # made once: Connection.poll makes a selector each time
        self._waiting.register(launched.connection.fileno(), select.POLLIN)
        self._file: BinaryIO | None = None
        self._patience_s = _START_S
        self.started_bytes = self.resident_bytes = self._expect(self._reply(), Alive).resident_bytes
        self.n_requests = 0

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return not self._connection.closed and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process, also after its end."""
        return self._process.pid

    @contextlib.contextmanager
    def rows(self, file: BinaryIO, size_bytes: int, file_format: str, limits: Limits) -> Iterator[ParsedRows]:
        """The rows of a seekable file in that format, as long as the context lasts."""
        self._begin(limits)
        self._file = file
        try:
            self._send(Open(file_format, size_bytes, limits))
            columns = messages.columns_of(self._expect(self._reply(), Opened).columns)
            yield ParsedRows(self, columns, limits.data)
            self._send(Close())
            self.resident_bytes = self._expect(self._reply(), End).resident_bytes
        except BaseException:
            if self.is_alive:
                self._abandon()
            raise
        finally:
            self._file = None

    def read_body(self, content: bytes, limits: Limits) -> Block:
        """All rows of an Arrow stream."""
        self._begin(limits)
        self._send(ReadBody(limits), content)
        rows = self._expect(self._reply(), BodyFollows)
        self.resident_bytes = rows.resident_bytes
        return self.block(rows.n_rows, messages.columns_of(rows.columns), limits.data)

    def next_rows(self) -> RowsFollow | None:
        """How many rows come next, None at the end of the file."""
        self._send(Next())
        reply = self._reply()
        return None if isinstance(reply, End) else self._expect(reply, RowsFollow)

    def block(self, n_rows: int, columns: tuple[Column, ...], limits: DataLimits) -> Block:
        """The rows that were announced."""
        n_numeric = sum(column.kind is ColumnKind.NUMERIC for column in columns)
        n_bytes = 8 * n_rows * n_numeric
        if not 0 < n_rows <= limits.max_rows or n_bytes > 2 * limits.max_bytes:
            raise self._gone("announced rows that can't be")
        numbers = self._receive(n_bytes)
        has_text = n_numeric < len(columns)
        text = self._receive(2 * limits.max_bytes) if has_text else None
        try:
            return messages.block_from(numbers, text, columns, n_rows)
        except (ValueError, msgspec.MsgspecError) as error:
            raise self._gone("sent rows in another form than announced") from error

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        with contextlib.suppress(Exception):
            self._process.wait(_FAREWELL_S)
        self._process.kill()
        self._process.wait()

    def _begin(self, limits: Limits) -> None:
        self.n_requests += 1
        self._patience_s = _WALL_S_PER_CPU_S * limits.cpu_s

    def _abandon(self) -> None:
        """Have the process forget the file; where it doesn't at once, it is ended."""
        self._patience_s = _FAREWELL_S
        with contextlib.suppress(PynomalyError):
            self._send(Close())
            self.resident_bytes = self._expect(self._reply(), End).resident_bytes

    def _send(self, request: Request, content: bytes | None = None) -> None:
        try:
            self._connection.send_bytes(messages.encode(request))
            if content is not None:
                self._connection.send_bytes(content)
        except OSError as error:
            raise self._gone("ended") from error

    def _reply(self) -> Reply:
        """The next answer; what the process needs of the file meanwhile is sent to it."""
        while True:
            try:
                reply: Reply = messages.decode_reply(self._receive(_MAX_HEADER_BYTES))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise self._gone("said what is no answer") from error
            if isinstance(reply, Unusable):
                raise _refusal(reply)
            if not isinstance(reply, Need):
                return reply
            self._lend(reply)

    def _lend(self, need: Need) -> None:
        if self._file is None or need.offset < 0 or not 0 < need.n_bytes <= _MAX_NEED_BYTES:
            raise self._gone("asked for what there isn't")
        try:
            self._file.seek(need.offset)
            content = self._file.read(need.n_bytes)
        except BaseException:
            self.close()  # it waits for content, and would take anything else for that
            raise
        try:
            self._connection.send_bytes(content)
        except OSError as error:
            raise self._gone("ended") from error

    def _receive(self, max_bytes: int) -> bytes:
        try:
            if not self._waiting.poll(self._patience_s * 1e3):
                raise self._gone("took too long")
            return self._connection.recv_bytes(max_bytes)
        except (EOFError, OSError) as error:
            raise self._gone("ended") from error

    def _expect(self, reply: Reply, wanted: type[Expected]) -> Expected:
        if isinstance(reply, wanted):
            return reply
        raise self._gone("answered another question")

    def _gone(self, what: str) -> PynomalyError:
        """End the process, if it hasn't; the error that says what that means for the request."""
        with contextlib.suppress(Exception):
            self._process.wait(_FAREWELL_S if what == "ended" else 0)
        self.close()
        code = self._process.returncode
        logger.warning("a parsing process %s", what, extra={"exit_code": code})
        if code == -signal.SIGXCPU or what == "took too long":
            return TooLarge("Reading this takes more time than content of its size may.")
        if code == -signal.SIGTERM or (code == -signal.SIGKILL and what == "ended"):  # by somebody else
            return Overloaded("The process that read this was ended.", retry_after_s=1)
        return UnreadableDataset("This can't be read: what reads it broke off.")


class ParsedRows:
    """A source of rows in a parsing process (`pynomaly.domain.ports.RowSource`)."""

    def __init__(self, process: ParserProcess, columns: tuple[Column, ...], limits: DataLimits) -> None:
        self.columns = columns
        self._process = process
        self._limits = limits

    def blocks(self) -> Iterator[Block]:
        """The rows in order; raises what the parser refuses them for."""
        n_rows = 0
        while (announced := self._process.next_rows()) is not None:
            n_rows += announced.n_rows
            if n_rows > self._limits.max_rows:
                raise TooLarge(f"The file has more than {self._limits.max_rows} rows.")
            yield self._process.block(announced.n_rows, self.columns, self._limits)


def _refusal(unusable: Unusable) -> PynomalyError:
    """The error that the process met, as far as a parser may refuse anything."""
    refusal = _STATUSES.get(unusable.status, InvalidInput)
    error = refusal(unusable.detail[:_MAX_SAID], hint=unusable.hint and unusable.hint[:_MAX_SAID])
    error.code = unusable.code[:100]  # type: ignore[misc]  # the same error, as it was on the other side
    return error
