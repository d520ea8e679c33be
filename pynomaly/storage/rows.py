"""The rows of datasets as sealed Arrow streams: read forward in blocks, never as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly.domain.datasets import Block, Column, ColumnKind, Dataset
from pynomaly.domain.errors import CorruptStore
from pynomaly.domain.ports import WrittenRows

if TYPE_CHECKING:
    import pyarrow as pa

    from pynomaly.domain.ports import BlobStore, RowSource

BLOCK_ROWS = 1 << 15
KIND = "datasets"


class ArrowRows:
    """Rows in the blob store, one Arrow IPC stream a dataset."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def write(self, dataset_id: str, source: RowSource) -> WrittenRows:
        """Store all rows of the source; nothing is kept if the source raises half-way."""
        import pyarrow as pa

        schema = arrow_schema(source.columns)
        n_rows = size_bytes = 0
        with self._blobs.create(KIND, dataset_id) as sink, pa.ipc.new_stream(sink, schema) as writer:
            for block in source.blocks():
                batch = to_batch(block, schema)
                n_rows += batch.num_rows
                size_bytes += batch.nbytes
                writer.write_batch(batch)
        return WrittenRows(n_rows, size_bytes)

    def read(self, dataset: Dataset, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """The dataset's blocks in order, of the named columns only where names are given."""
        import pyarrow as pa

        names = None if columns is None else set(columns)
        wanted = [column for column in dataset.columns if names is None or column.name in names]
        with self._blobs.open(KIND, dataset.id) as source:
            try:
                for batch in pa.ipc.open_stream(source):
                    yield to_block(batch, wanted)
            except pa.ArrowInvalid as error:
                raise CorruptStore(f"The rows of dataset {dataset.id} can't be read.") from error

    def delete(self, dataset_id: str) -> None:
        """Remove the rows if they are there."""
        self._blobs.delete(KIND, dataset_id)


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Numeric columns as float64, categorical ones as string."""
    import pyarrow as pa

    types = {ColumnKind.NUMERIC: pa.float64(), ColumnKind.CATEGORICAL: pa.string()}
    return pa.schema([(column.name, types[column.kind]) for column in columns])


def to_batch(block: Block, schema: pa.Schema) -> pa.RecordBatch:
    """A block as an Arrow batch; NaN becomes null."""
    import pyarrow as pa

    arrays = [pa.array(block.columns[f.name], type=f.type, from_pandas=True) for f in schema]
    return pa.record_batch(arrays, schema=schema)


def to_block(batch: pa.RecordBatch, columns: Sequence[Column]) -> Block:
    """An Arrow batch as a block of those columns; null becomes NaN or None."""
    arrays: dict[str, Any] = {}
    for column in columns:
        values = batch.column(column.name).to_numpy(zero_copy_only=False)
        arrays[column.name] = (
            values.astype(np.float64, copy=False) if column.kind is ColumnKind.NUMERIC else values
        )
    return Block(arrays, batch.num_rows)
