"""Rows of a request as an Arrow IPC stream, read message by message.

A valid-looking stream can make its reader crash (offsets that point beyond their buffer) or fill memory (a compressed
buffer says how large it will be). So what each message is, how many rows it has and to how much it unpacks is read from
its metadata first, and each batch is validated in full before a value of it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly.domain.datasets import Block
from pynomaly.domain.errors import InvalidInput, TooLarge, UnsupportedMedia
from pynomaly.storage.formats.cells import exact_floats
from pynomaly.storage.formats.flatbuffers import Table, root
from pynomaly.storage.formats.naming import require_names
from pynomaly.storage.formats.native import unreadable

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from pynomaly.domain.limits import DataLimits

_NOT_ARROW = "The body is not an Arrow stream."
_MAX_BATCHES = 10_000
_TEXT_CELL_BYTES = 64
"""What a cell of text takes as a Python object, beside its bytes."""
# Fields of the tables in Arrow's Message.fbs and Schema.fbs, by their position there.
_MESSAGE_HEADER = 2
_SCHEMA_ENDIANNESS, _SCHEMA_FIELDS = 0, 1
_BATCH_LENGTH, _BATCH_BUFFERS, _BATCH_COMPRESSION = 0, 2, 3
_BUFFER_BYTES = 16


def read_arrow_rows(content: bytes, limits: DataLimits) -> Block:
    """All rows of the stream; numbers as float64, text as objects.

    Raises InvalidInput for what is no stream or has missing numbers, TooLarge, UnsupportedMedia for other types.
    """
    import pyarrow as pa

    with unreadable(_NOT_ARROW, InvalidInput):
        messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(content))
        schema = _read_schema(messages, limits)
    _require_plain_types(schema)
    batches = []
    room = _Room(schema, limits)
    for message in _batch_messages(messages):
        with unreadable(_NOT_ARROW, InvalidInput):
            room.take(message)
            batch = pa.ipc.read_record_batch(message, schema)
            batch.validate(full=True)
            room.take_text(batch)
        batches.append(batch)
    table = pa.Table.from_batches(batches, schema)
    if table.num_rows == 0:
        raise InvalidInput("There are no rows.")
    with unreadable(_NOT_ARROW, InvalidInput):
        columns = {field.name: _values(table.column(i), field.name) for i, field in enumerate(schema)}
    return Block(columns, table.num_rows)


def _read_schema(messages: Any, limits: DataLimits) -> pa.Schema:
    import pyarrow as pa

    message = next(iter(messages), None)
    if message is None or message.type != "schema":
        raise InvalidInput(_NOT_ARROW)
    header = _header(message)
    if header.int16(_SCHEMA_ENDIANNESS):
        raise UnsupportedMedia("Arrow streams with the high byte first are not taken.")
    n_columns = header.vector(_SCHEMA_FIELDS).length
    if n_columns > limits.max_columns:
        raise TooLarge(f"The stream has {n_columns} columns; {limits.max_columns} is the limit.")
    schema = pa.ipc.read_schema(message)
    if not len(schema):
        raise InvalidInput("There are no columns.")
    require_names(schema.names, limits)
    return schema


def _require_plain_types(schema: pa.Schema) -> None:
    """Nested, dictionary and other types are refused before a value of theirs is looked at."""
    import pyarrow as pa

    is_taken = (pa.types.is_integer, pa.types.is_floating, pa.types.is_string, pa.types.is_large_string)
    for field in schema:
        if not any(is_of(field.type) for is_of in is_taken):
            raise UnsupportedMedia(f"Columns of the Arrow type {str(field.type)[:80]} are not taken.")


def _batch_messages(messages: Any) -> Iterator[Any]:
    n_batches = 0
    while True:
        with unreadable(_NOT_ARROW, InvalidInput):
            message = next(iter(messages), None)
        if message is None:
            return
        if message.type != "record batch":
            raise UnsupportedMedia(f"Arrow messages of the type {message.type[:40]!r} are not taken.")
        n_batches += 1
        if n_batches > _MAX_BATCHES:
            raise TooLarge(f"The stream has more than {_MAX_BATCHES} batches.")
        yield message


class _Room:
    """Counts rows and bytes from what the messages say of themselves, before they are decoded."""

    def __init__(self, schema: pa.Schema, limits: DataLimits) -> None:
        import pyarrow as pa

        is_text = [pa.types.is_string(f.type) or pa.types.is_large_string(f.type) for f in schema]
        self._text = [i for i, found in enumerate(is_text) if found]
        self._row_bytes = 8 * (len(schema) - len(self._text)) + _TEXT_CELL_BYTES * len(self._text)
        self._limits = limits
        self._n_rows = 0
        self._unpacked_bytes = 0
        self._text_bytes = 0

    def take(self, message: Any) -> None:
        header = _header(message)
        n_rows = header.int64(_BATCH_LENGTH)
        if n_rows < 0:
            raise InvalidInput(_NOT_ARROW)
        self._n_rows += n_rows
        if self._n_rows > self._limits.max_rows:
            raise TooLarge(f"The stream has more than {self._limits.max_rows} rows.")
        if header.table(_BATCH_COMPRESSION) is not None:
            self._unpacked_bytes += _unpacked_bytes(header, message.body)
        self._require_room()

    def take_text(self, batch: pa.RecordBatch) -> None:
        """Count the text of a batch that was found to be valid."""
        self._text_bytes += sum(batch.column(i).nbytes for i in self._text)
        self._require_room()

    def _require_room(self) -> None:
        decoded_bytes = self._row_bytes * self._n_rows + self._text_bytes
        if max(decoded_bytes, self._unpacked_bytes) > self._limits.max_bytes:
            raise TooLarge(f"The rows take more than {self._limits.max_bytes} bytes in memory.")


def _header(message: Any) -> Table:
    table = root(message.metadata).table(_MESSAGE_HEADER)
    if table is None:
        raise InvalidInput(_NOT_ARROW)
    return table


def _unpacked_bytes(header: Table, body: Any) -> int:
    """What the compressed buffers of a record batch say they unpack to: each begins with its size, or -1 for as is."""
    content = memoryview(body)
    buffers = header.vector(_BATCH_BUFFERS)
    total = 0
    for i in range(buffers.length):
        offset, length = struct.unpack_from("<qq", buffers.content, buffers.start + i * _BUFFER_BYTES)
        if length <= 0:
            continue
        if offset < 0 or offset + length > len(content) or length < 8:
            raise InvalidInput(_NOT_ARROW)
        unpacked = struct.unpack_from("<q", content, offset)[0]
        if unpacked < -1:
            raise InvalidInput(_NOT_ARROW)
        total += length - 8 if unpacked == -1 else unpacked
    return total


def _values(values: pa.ChunkedArray, name: str) -> NDArray[Any]:
    import pyarrow as pa

    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return np.asarray(values.to_numpy())
    if values.null_count:
        raise InvalidInput("The rows have missing values.", hint="Fill them before asking.")
    return exact_floats(values.to_numpy(), name)
