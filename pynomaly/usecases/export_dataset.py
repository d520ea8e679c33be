"""Give a dataset back as a file, piece by piece."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pynomaly.domain.datasets import Block, ColumnKind, Dataset
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import Permission
from pynomaly.security.foundation import Caller
from pynomaly.storage.rows import arrow_schema, to_batch
from pynomaly.usecases.platform import Platform

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ExportFormat = Literal["csv", "parquet", "npy"]
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_dataset(
    platform: Platform, caller: Caller, dataset_id: str, file_format: ExportFormat
) -> Iterator[bytes]:
    """The file in pieces; raises InvalidInput where the format can't hold the columns.

    In CSV, text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    dataset = platform.dataset(caller, dataset_id, Permission.DATA_READ)
    writers = {"csv": _as_csv, "parquet": _as_parquet, "npy": _as_npy}
    if file_format == "npy" and any(column.kind is not ColumnKind.NUMERIC for column in dataset.columns):
        raise InvalidInput("A dataset with text columns can't be a matrix.", hint="Ask for csv or parquet.")
    platform.record(caller, "dataset.exported", f"dataset:{dataset.id}", details={"format": file_format})
    return writers[file_format](dataset, platform.rows.read(dataset))


def _as_csv(dataset: Dataset, blocks: Iterator[Block]) -> Iterator[bytes]:
    yield _csv_bytes([[_harmless(column.name) for column in dataset.columns]])
    for block in blocks:
        cells = [_csv_cells(block.columns[column.name]) for column in dataset.columns]
        yield _csv_bytes(zip(*cells, strict=True))


def _csv_cells(values: Any) -> list[Any]:
    if values.dtype.kind == "f":
        return ["" if np.isnan(value) else repr(value) for value in values.tolist()]
    return ["" if value is None else _harmless(value) for value in values]


def _csv_bytes(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _as_parquet(dataset: Dataset, blocks: Iterator[Block]) -> Iterator[bytes]:
    from pyarrow import parquet

    schema = arrow_schema(dataset.columns)
    pipe = _Pipe()
    with parquet.ParquetWriter(pipe, schema) as writer:
        for block in blocks:
            writer.write_batch(to_batch(block, schema))
            yield pipe.take()
    yield pipe.take()


class _Pipe(io.RawIOBase):
    """Takes what is written and hands it on, so that no more than a block is ever held."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data).cast("B")
        self._pending += view
        self._position += len(view)
        return len(view)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        taken = bytes(self._pending)
        self._pending.clear()
        return taken


def _as_npy(dataset: Dataset, blocks: Iterator[Block]) -> Iterator[bytes]:
    header = io.BytesIO()
    shape = (dataset.n_rows, len(dataset.columns))
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for block in blocks:
        matrix = np.column_stack([block.columns[column.name] for column in dataset.columns])
        yield np.ascontiguousarray(matrix, "<f8").tobytes()
