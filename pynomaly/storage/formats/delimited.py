"""CSV and TSV: UTF-8, with or without a header, column kinds decided from all of the file.

A first row in which every cell is a number is data, and the columns are named f0, f1, …. A column is numeric if every
cell that isn't missing is a number; a single word makes it categorical. Missing is an empty cell, NaN, NA, N/A, null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge, UnreadableDataset

if TYPE_CHECKING:
    import pyarrow as pa

    from pynomaly.domain.limits import DataLimits

_BLOCK_BYTES = 1 << 21
_MISSING = ["", "NaN", "nan", "-NaN", "-nan", "NA", "N/A", "n/a", "null", "NULL"]


@dataclass(frozen=True, slots=True)
class _Head:
    names: tuple[str, ...]
    n_lines: int  # lines to skip before the data


class DelimitedRows:
    """The rows of a seekable text file; raises UnreadableDataset naming the line that is wrong."""

    def __init__(self, file: BinaryIO, limits: DataLimits, *, delimiter: str) -> None:
        self._file = file
        self._limits = limits
        self._delimiter = delimiter
        self._head = self._read_head()
        if len(self._head.names) > limits.max_columns:
            raise TooLarge(
                f"The file has {len(self._head.names)} columns; {limits.max_columns} is the limit."
            )
        self.columns = self._decide_columns()

    def blocks(self) -> Iterator[Block]:
        """The rows in order; raises UnreadableDataset where there are none."""
        from pynomaly.storage.rows import to_block

        n_rows = 0
        for batch in self._batches(self.columns):
            n_rows += batch.num_rows
            if n_rows > self._limits.max_rows:
                raise TooLarge(f"The file has more than {self._limits.max_rows} rows.")
            yield to_block(batch, self.columns)
        if n_rows == 0:
            raise UnreadableDataset("The file has no rows.")

    def _read_head(self) -> _Head:
        reader = self._python_reader()
        try:
            first = next((row for row in reader if row), None)
        except (csv.Error, UnicodeDecodeError) as error:
            raise UnreadableDataset(f"Line 1 is not delimited text in UTF-8: {error}.") from error
        if first is None:
            raise UnreadableDataset("The file is empty.")
        if all(_is_number(cell) for cell in first):
            return _Head(tuple(f"f{i}" for i in range(len(first))), reader.line_num - 1)
        names = tuple(cell.strip() or f"column_{i}" for i, cell in enumerate(first))
        if len(set(names)) < len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise UnreadableDataset(f"Line {reader.line_num}: the column name {twice[:80]!r} occurs twice.")
        return _Head(names, reader.line_num)

    def _decide_columns(self) -> tuple[Column, ...]:
        """Guess from the first block, check against all the rest, and look at every cell only if the guess fails."""
        import pyarrow as pa

        all_text = [Column(name, ColumnKind.CATEGORICAL) for name in self._head.names]
        first = next(self._batches(all_text), None)
        if first is None:
            raise UnreadableDataset("The file has no rows.")
        guess = [Column(name, _kind(first.column(i))) for i, name in enumerate(self._head.names)]
        try:
            for _ in self._batches(guess):
                pass
        except pa.ArrowInvalid:
            return self._scan_kinds(all_text)
        return tuple(guess)

    def _scan_kinds(self, all_text: list[Column]) -> tuple[Column, ...]:
        numeric = set(self._head.names)
        for batch in self._batches(all_text):
            numeric -= {name for name in numeric if _kind(batch.column(name)) is ColumnKind.CATEGORICAL}
        return tuple(
            Column(name, ColumnKind.NUMERIC if name in numeric else ColumnKind.CATEGORICAL)
            for name in self._head.names
        )

    def _batches(self, columns: list[Column] | tuple[Column, ...]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        from pynomaly.storage.rows import arrow_schema

        self._file.seek(0)
        schema = arrow_schema(columns)
        try:
            yield from arrow_csv.open_csv(
                io.BufferedReader(_Unclosable(self._file)),
                read_options=arrow_csv.ReadOptions(
                    column_names=schema.names,
                    skip_rows=self._head.n_lines,
                    block_size=_BLOCK_BYTES,
                    use_threads=False,
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={f.name: f.type for f in schema},
                    null_values=_MISSING,
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            if "CSV conversion error to double" in str(error):
                raise
            if "Empty CSV file" in str(error) or "Could not skip initial" in str(error):
                return
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> UnreadableDataset:
        """Arrow says what is wrong but counts rows of a block; find the line by reading as csv does."""
        width = len(self._head.names)
        reader = self._python_reader()
        try:
            for row in reader:
                if row and len(row) != width:
                    return UnreadableDataset(
                        f"Line {reader.line_num} has {len(row)} cells where the first has {width}.",
                        hint="Every line needs the same number of cells; quote cells that hold the delimiter.",
                    )
        except csv.Error as wrong:
            return UnreadableDataset(f"Line {reader.line_num + 1} can't be read: {wrong}.")
        except UnicodeDecodeError:
            return UnreadableDataset(f"Near line {reader.line_num + 1} the text is not UTF-8.")
        return UnreadableDataset(f"The file can't be read: {str(error).splitlines()[0][:200]}.")

    def _python_reader(self) -> csv._reader:  # type: ignore[name-defined]
        self._file.seek(0)
        text = io.TextIOWrapper(io.BufferedReader(_Unclosable(self._file)), encoding="utf-8-sig", newline="")
        return csv.reader(text, delimiter=self._delimiter, strict=True)


class _Unclosable(io.RawIOBase):
    """Lends the file to readers that close what they were given."""

    def __init__(self, file: BinaryIO) -> None:
        self._lent = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._lent.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _kind(values: pa.Array) -> ColumnKind:
    """Numeric if every cell that isn't missing reads as a number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.cast(pc.utf8_trim(values, " \t"), pa.float64())  # what the reader of numbers trims, and no more
    except pa.ArrowInvalid:
        return ColumnKind.CATEGORICAL
    return ColumnKind.NUMERIC


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # float() takes 1_000, a column name may well be 2020_01
