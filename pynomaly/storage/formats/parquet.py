"""Parquet: flat columns; numbers and booleans are numeric, everything else is categorical text.

A small file can unpack to any size: a page may be compressed a thousandfold, and one value in a dictionary may stand
for a million cells. What the metadata promises is checked before anything is decoded; text is read as dictionaries, so
that the size of each row is known before its values are written out; and what lies about its size meets the memory
limit of the process that parses (`pynomaly.workers.parsers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.storage.formats.cells import exact_floats
from pynomaly.storage.formats.naming import require_names
from pynomaly.storage.formats.native import unreadable

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyarrow import parquet

    from pynomaly.domain.limits import DataLimits

_BATCH_ROWS = 8_192
_BATCH_CELLS = 1 << 21
_BLOCK_TEXT_BYTES = 16 << 20
_MAX_CELL_BYTES = 2 << 20
_MAX_FIXED_BYTES = 64
"""Of a value of fixed size; decimals and UUIDs have fewer."""
_FOOTER_STRING_BYTES = 16 << 20
_FOOTER_ITEMS = 1_000_000
_READ_BYTES = 64 << 20
"""Held of the columns, which are read side by side, before they are decoded."""
_DAMAGED = "The Parquet file is damaged, or uses what is not read here."


class ParquetRows:
    """The rows of a seekable Parquet file, a batch at a time; a file that unpacks beyond the limits is refused."""

    def __init__(self, file: BinaryIO, limits: DataLimits) -> None:
        self._limits = limits
        with unreadable("The file is not Parquet."):
            footer = _opened(file).metadata
            _check_footer(footer, limits)
            self._file = _opened(file, metadata=footer, read_dictionary=_text_columns(footer.schema))
            schema = self._file.schema_arrow
            self.columns = tuple(Column(field.name, _kind(field.type)) for field in schema)
        _check_columns(schema, limits)
        n_numeric = sum(column.kind is ColumnKind.NUMERIC for column in self.columns)
        self._n_bytes = 8 * n_numeric * footer.num_rows  # counted on by `blocks`
        self._require_room()

    def blocks(self) -> Iterator[Block]:
        """The rows in order; raises TooLarge as soon as they are known to be larger than they may be."""
        n_rows = max(1, min(_BATCH_ROWS, _BATCH_CELLS // len(self.columns)))
        batches = self._file.iter_batches(n_rows, use_threads=False)
        while True:
            with unreadable(_DAMAGED):
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)  # offsets and indices are used from here on
                text_bytes = _text_bytes(batch, self.columns)
            self._n_bytes += int(text_bytes.sum())
            self._require_room()
            for part in _parts(batch, text_bytes):
                yield self._block(part)

    def _block(self, batch: pa.RecordBatch) -> Block:
        import pyarrow as pa

        from pynomaly.storage.rows import arrow_schema, to_block

        schema = arrow_schema(self.columns)
        with unreadable(_DAMAGED):
            arrays = [_plain(batch.column(i), field) for i, field in enumerate(schema)]
            return to_block(pa.record_batch(arrays, schema=schema), self.columns)

    def _require_room(self) -> None:
        if self._n_bytes > self._limits.max_bytes:
            raise TooLarge(f"The file unpacks to more than {self._limits.max_bytes} bytes.")


def _opened(
    file: BinaryIO, metadata: parquet.FileMetaData | None = None, **options: Any
) -> parquet.ParquetFile:
    from pyarrow import parquet

    file.seek(0)
    n_columns = 1 if metadata is None else metadata.num_columns
    return parquet.ParquetFile(
        file,
        metadata=metadata,
        # without a buffer, whole columns are read before their first page is looked at
        buffer_size=max(16 << 10, min(1 << 20, _READ_BYTES // n_columns)),
        pre_buffer=False,
        thrift_string_size_limit=_FOOTER_STRING_BYTES,
        thrift_container_size_limit=_FOOTER_ITEMS,
        **options,
    )


def _check_footer(about: parquet.FileMetaData, limits: DataLimits) -> None:
    """What the footer says, before it is made into columns."""
    if about.num_columns > limits.max_columns or about.num_rows > limits.max_rows:
        raise TooLarge(f"The file is {about.num_rows} x {about.num_columns}, over the limit.")
    if about.num_rows < 1 or about.num_columns < 1:
        raise UnreadableDataset("The file has no rows.")
    sizes = [about.row_group(i).total_byte_size for i in range(about.num_row_groups)]
    if min(sizes, default=0) < 0:
        raise UnreadableDataset("The footer tells sizes below 0.")
    if sum(sizes) > limits.max_bytes:
        raise TooLarge(f"The file unpacks to more than {limits.max_bytes} bytes.")
    wide = [c for c in map(about.schema.column, range(about.num_columns)) if c.length > _MAX_FIXED_BYTES]
    if wide:
        raise UnreadableDataset(f"Column {wide[0].name[:80]!r} holds values of {wide[0].length} bytes each.")


def _text_columns(schema: parquet.ParquetSchema) -> list[str]:
    columns = [schema.column(i) for i in range(len(schema))]
    return [
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type != "DECIMAL"
    ]


def _check_columns(schema: pa.Schema, limits: DataLimits) -> None:
    import pyarrow as pa

    require_names(schema.names, limits)
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise UnreadableDataset(f"Column {nested[0][:80]!r} is nested; only flat columns are taken.")


def _kind(arrow_type: pa.DataType) -> ColumnKind:
    import pyarrow as pa

    is_number = (
        pa.types.is_integer(arrow_type)
        or pa.types.is_floating(arrow_type)
        or pa.types.is_decimal(arrow_type)
        or pa.types.is_boolean(arrow_type)
        or pa.types.is_null(arrow_type)
    )
    return ColumnKind.NUMERIC if is_number else ColumnKind.CATEGORICAL


def _text_bytes(batch: pa.RecordBatch, columns: Sequence[Column]) -> NDArray[np.int64]:
    """How much text each row will be (n_rows,), told without writing it out; raises TooLarge for one large cell."""
    total = np.zeros(batch.num_rows, np.int64)
    for values, column in zip(batch.columns, columns, strict=True):
        if column.kind is ColumnKind.CATEGORICAL:
            lengths = _lengths(values)
            if lengths.size and lengths.max() > _MAX_CELL_BYTES:
                raise TooLarge(
                    f"A cell of column {column.name[:80]!r} has more than {_MAX_CELL_BYTES} bytes."
                )
            total += lengths
    return total


def _lengths(values: pa.Array) -> NDArray[np.int64]:
    """Bytes of each value (n,); those of dates and the like are short."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        of_each = _lengths(values.dictionary)
        indices = pc.fill_null(values.indices, 0).to_numpy(zero_copy_only=False)
        return of_each[indices] if len(of_each) else np.zeros(len(values), np.int64)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or _is_binary(values.type):
        found: NDArray[np.int64] = pc.fill_null(pc.binary_length(values), 0).to_numpy().astype(np.int64)
        return found
    return np.full(len(values), _MAX_FIXED_BYTES, np.int64)


def _is_binary(arrow_type: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(arrow_type) or pa.types.is_large_binary(arrow_type))


def _parts(batch: pa.RecordBatch, text_bytes: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """The batch in pieces of at most _BLOCK_TEXT_BYTES of text; raises TooLarge where one row has more."""
    if text_bytes.size and text_bytes.max() > _BLOCK_TEXT_BYTES:
        raise TooLarge(f"A row has more than {_BLOCK_TEXT_BYTES} bytes of text.")
    ends = np.cumsum(text_bytes)
    start = 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + _BLOCK_TEXT_BYTES, side="right")))
        yield batch.slice(start, end - start)
        start = end


def _plain(values: pa.Array, wanted: pa.Field) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    if pa.types.is_int64(values.type) or pa.types.is_uint64(values.type):
        exact_floats(values.drop_null().to_numpy(), wanted.name)
    return values.cast(wanted.type, safe=False)
