"""A parsing process: reads files and bodies that anybody may have written, so that a crash costs one request.

It has no keys, no files and no users: the server sends it the bytes that it asks for, and gets numbers and text. What
it may take of memory is limited for the whole of its life, of the processor's time for each request.
"""

from __future__ import annotations

import io
import math
import os
import resource
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, cast

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import PynomalyError, TooLarge, UnreadableDataset
from pynomaly.memory import give_back, keep_small
from pynomaly.storage.formats import open_rows
from pynomaly.storage.formats.arrow_stream import read_arrow_rows
from pynomaly.workers import parser_messages as messages
from pynomaly.workers.launching import server_connection
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
    RowsFollow,
    Unusable,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GROWTH_BYTES = 32 << 20
"""Grown by more than this since its start, the process returns freed memory to the system."""
_MOST_AT_ONCE = 4 << 20
_BUFFER_BYTES = 256 << 10


def main() -> None:
    """Serve one parent; its end is ours, however it ends."""
    connection = server_connection()
    if connection is None:
        return
    keep_small()
    _import_readers()
    memory = _MemoryInUse()
    _limit_memory(memory, int(sys.argv[3]))
    _Server(connection, memory).run()


class _Server:
    """Answers one request after the other; between them at most one file is open."""

    def __init__(self, connection: Connection, memory: _MemoryInUse) -> None:
        self._connection = connection
        self._memory = memory
        self._columns: tuple[Column, ...] = ()
        self._blocks: Iterator[Block] = iter(())
        self._started_bytes = self._memory.resident_bytes

    def run(self) -> None:
        self._say(Alive(self._started_bytes))
        while True:
            try:
                request = messages.decode_request(self._connection.recv_bytes())
                self._answer(request)
            except (EOFError, ConnectionError):
                return
            except PynomalyError as error:
                self._say(Unusable(error.status, error.code, error.detail, error.hint))
            except MemoryError:
                self._blocks = iter(())
                give_back()
                detail = "Reading this takes more memory than one request may have."
                self._say(Unusable(TooLarge.status, TooLarge.code, detail))

    def _answer(self, request: messages.Request) -> None:
        match request:
            case Open():
                _limit_time(request.limits)
                self._open(request)
            case Next():
                self._next()
            case ReadBody():
                _limit_time(request.limits)
                self._read_body(request)
            case Close():
                self._blocks = iter(())
                self._say(End(self._tidied_bytes()))

    def _open(self, request: Open) -> None:
        remote = _RemoteFile(self._connection, request.size_bytes)
        file = cast(io.BufferedIOBase, io.BufferedReader(remote, _BUFFER_BYTES))
        source = open_rows(file, request.file_format, request.limits.data)  # type: ignore[arg-type]
        self._columns, self._blocks = source.columns, source.blocks()
        self._say(Opened([(column.name, column.kind) for column in self._columns]))

    def _next(self) -> None:
        block = next(self._blocks, None)
        if block is None:
            self._say(End(self._tidied_bytes()))
        else:
            self._say(RowsFollow(block.n_rows))
            self._send_rows(block, self._columns)

    def _read_body(self, request: ReadBody) -> None:
        block = read_arrow_rows(self._connection.recv_bytes(), request.limits.data)
        columns = tuple(
            Column(name, ColumnKind.NUMERIC if values.dtype.kind == "f" else ColumnKind.CATEGORICAL)
            for name, values in block.columns.items()
        )
        told = [(column.name, column.kind) for column in columns]
        self._say(BodyFollows(told, block.n_rows, self._memory.resident_bytes))
        self._send_rows(block, columns)
        del block
        self._tidied_bytes()

    def _send_rows(self, block: Block, columns: tuple[Column, ...]) -> None:
        self._connection.send_bytes(messages.numbers_of(block, columns))
        if any(column.kind is ColumnKind.CATEGORICAL for column in columns):
            self._connection.send_bytes(messages.encode_text(messages.text_of(block, columns)))

    def _tidied_bytes(self) -> int:
        """Memory in use, once what is free was given back where that is much."""
        if self._memory.resident_bytes > self._started_bytes + _GROWTH_BYTES:
            give_back()
        return self._memory.resident_bytes

    def _say(self, reply: Reply) -> None:
        self._connection.send_bytes(messages.encode(reply))


class _RemoteFile(io.RawIOBase):
    """A file that lies with the server; only its bytes come here, as they are needed."""

    def __init__(self, connection: Connection, size_bytes: int) -> None:
        self._connection = connection
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        if base + offset < 0:
            raise UnreadableDataset("The file points before its beginning.")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        n_bytes = min(len(target), _MOST_AT_ONCE, max(0, self._size_bytes - self._at))
        if n_bytes == 0:
            return 0
        self._connection.send_bytes(messages.encode(Need(self._at, n_bytes)))
        content = self._connection.recv_bytes()
        target[: len(content)] = content
        self._at += len(content)
        return len(content)


def _import_readers() -> None:
    """All that reading needs, before memory is limited and the first request waits for it."""
    import pyarrow.compute
    import pyarrow.csv
    import pyarrow.parquet

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)


def _limit_memory(memory: _MemoryInUse, budget_bytes: int) -> None:
    """Refuse memory beyond what is in use now and the budget; and leave no core dump, which would hold data."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        limit = memory.address_space_bytes + budget_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_time(limits: Limits) -> None:
    """The system ends the process once this request took more of the processor's time than that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + limits.cpu_s)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


class _MemoryInUse:
    """What /proc/self/statm says, read at each request: the file stays open. Other systems tell 0."""

    def __init__(self) -> None:
        try:
            self._descriptor: int | None = os.open("/proc/self/statm", os.O_RDONLY)
        except FileNotFoundError:
            self._descriptor = None

    @property
    def address_space_bytes(self) -> int:
        return self._pages(0) * resource.getpagesize()

    @property
    def resident_bytes(self) -> int:
        return self._pages(1) * resource.getpagesize()

    def _pages(self, column: int) -> int:
        return 0 if self._descriptor is None else int(os.pread(self._descriptor, 200, 0).split()[column])


if __name__ == "__main__":
    main()
