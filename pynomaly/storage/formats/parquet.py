"""Parquet: flat columns; numbers and booleans are numeric, everything else is categorical text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.storage.formats.cells import exact_floats

if TYPE_CHECKING:
    import pyarrow as pa

    from pynomaly.domain.limits import DataLimits

_BATCH_ROWS = 8_192
_MAX_BATCH_BYTES = 256 << 20


class ParquetRows:
    """The rows of a seekable Parquet file, a batch at a time; a file that unpacks beyond the limits is refused."""

    def __init__(self, file: BinaryIO, limits: DataLimits) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._limits = limits
        file.seek(0)
        try:
            self._file = parquet.ParquetFile(file)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise UnreadableDataset("The file is not Parquet.") from error
        self._check(schema)
        self.columns = tuple(Column(field.name, _kind(field.type)) for field in schema)

    def _check(self, schema: pa.Schema) -> None:
        import pyarrow as pa

        about = self._file.metadata
        if about.num_rows == 0 or not len(schema):
            raise UnreadableDataset("The file has no rows.")
        if about.num_rows > self._limits.max_rows or len(schema) > self._limits.max_columns:
            raise TooLarge(f"The file is {about.num_rows} x {len(schema)}, over the limit.")
        if len(set(schema.names)) < len(schema.names):
            raise UnreadableDataset("Two columns have one name.")
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested:
            raise UnreadableDataset(f"Column {nested[0][:80]!r} is nested; only flat columns are taken.")

    def blocks(self) -> Iterator[Block]:
        """The rows in order; raises TooLarge where a batch unpacks to more than it may."""
        import pyarrow as pa

        from pynomaly.storage.rows import arrow_schema, to_block

        schema = arrow_schema(self.columns)
        try:
            for batch in self._file.iter_batches(_BATCH_ROWS):
                if batch.nbytes > _MAX_BATCH_BYTES:
                    raise TooLarge("The file unpacks to far more than it weighs.")
                arrays = [_plain(batch.column(i), field) for i, field in enumerate(schema)]
                yield to_block(pa.record_batch(arrays, schema=schema), self.columns)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableDataset("The Parquet file is damaged.") from error


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


def _plain(values: pa.Array, wanted: pa.Field) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    if pa.types.is_int64(values.type) or pa.types.is_uint64(values.type):
        exact_floats(values.drop_null().to_numpy(), wanted.name)
    return values.cast(wanted.type, safe=False)
