"""CSV and TSV: UTF-8, with or without a header, column kinds decided from all of the file.

A first row in which every cell is a number is data, and the columns are named f0, f1, …. A column is numeric if at
least half of its cells that aren't missing are numbers; another text in it is then refused, with its line, rather than
taken for a sign that the numbers are categories.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import numpy as np

from pynomaly.domain.datasets import MAX_EXACT, Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.storage.formats.cells import (
    NUMBER,
    WHOLE_NUMBER,
    inexact,
    is_exact,
    is_number,
    matching,
    missing,
    numbers,
    trimmed,
)
from pynomaly.storage.formats.naming import first_repeated

if TYPE_CHECKING:
    import pyarrow as pa

    from pynomaly.domain.limits import DataLimits

_BLOCK_BYTES = 1 << 21
_NAME_CHARACTERS = 512
"""Of the first line's characters for each column allowed: a name and what stands about it."""
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
        self.columns = self._decide_columns()

    def blocks(self) -> Iterator[Block]:
        """The rows in order; raises UnreadableDataset where there are none."""
        from pynomaly.storage.rows import to_block

        n_rows = 0
        for batch in self._batches(self._as_read()):
            n_rows += batch.num_rows
            if n_rows > self._limits.max_rows:
                raise TooLarge(f"The file has more than {self._limits.max_rows} rows.")
            yield to_block(self._with_numbers(batch), self.columns)
        if n_rows == 0:
            raise UnreadableDataset("The file has no rows.")

    def _require_names(self, names: tuple[str, ...], line: int) -> None:
        others = (mark for mark in ",;\t|" if mark != self._delimiter and mark in names[0])
        if len(names) == 1 and (other := next(others, None)) is not None:
            raise UnreadableDataset(
                f"Line {line}: the cells seem to stand between {other!r}.", hint=f"Write {self._delimiter!r}."
            )
        if "" in names:
            raise UnreadableDataset(
                f"Line {line}: column {names.index('') + 1} has no name.",
                hint="Name every column; a table that pandas wrote has its index there (index=False leaves it out).",
            )

    def _as_read(self) -> list[Column]:
        """The columns as they are parsed: those of numbers with words for missing ones among them are text at first."""
        return [
            Column(column.name, ColumnKind.CATEGORICAL) if column.name in self._read_as_text else column
            for column in self.columns
        ]

    def _with_numbers(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        names = [column.name for column in self.columns]
        arrays = [
            numbers(values) if name in self._read_as_text else values
            for name, values in zip(names, batch.columns, strict=True)
        ]
        return pa.record_batch(arrays, names)

    def _read_head(self) -> _Head:
        """Names of the columns; reads no more of the file than names can take."""
        max_columns = self._limits.max_columns
        reader = self._python_reader(max_columns * _NAME_CHARACTERS)
        try:
            first = next((row for row in reader if row), None)
        except (csv.Error, UnicodeDecodeError) as error:
            raise UnreadableDataset(f"Line 1 is not delimited text in UTF-8: {error}.") from error
        if first is None:
            raise UnreadableDataset("The file is empty.")
        if len(first) > max_columns:
            raise TooLarge(f"The file has {len(first)} columns; {max_columns} is the limit.")
        if all(is_number(cell) for cell in first):
            return _Head(tuple(f"f{i}" for i in range(len(first))), reader.line_num - 1)
        names = tuple(cell.strip() for cell in first)
        self._require_names(names, reader.line_num)
        twice = first_repeated(names)
        if twice is not None:
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
            return self._checked(guess)
        except pa.ArrowInvalid:
            return self._checked(all_text)

    def _checked(self, guess: list[Column]) -> tuple[Column, ...]:
        """The kinds by all rows, where the guess takes no column for numbers that has other cells."""
        tallies = [_Tally(column) for column in guess]
        for batch in self._batches(guess):
            for index, tally in enumerate(tallies):
                tally.add(batch.column(index))
        for index, tally in enumerate(tallies):
            if tally.first_wrong is not None and tally.is_numeric:
                self._refuse(index, tally.first_wrong)
        self._require_exact([index for index, tally in enumerate(tallies) if tally.has_large])
        self._read_as_text = frozenset(tally.name for tally in tallies if tally.is_numeric and tally.is_text)
        return tuple(
            Column(tally.name, ColumnKind.NUMERIC if tally.is_numeric else ColumnKind.CATEGORICAL)
            for tally in tallies
        )

    def _refuse(self, index: int, row: int) -> NoReturn:
        line, cells = next(itertools.islice(self._lines(), row, None))
        raise UnreadableDataset(
            f"Line {line}: {cells[index][:40]!r} in column {self._head.names[index][:80]!r} is no number, "
            "as most others there are.",
            hint="Write a number without thousands separators, or leave the cell empty.",
        )

    def _require_exact(self, indices: list[int]) -> None:
        """Raise UnreadableDataset if a whole number of these columns is not held by float64; one pass for all."""
        whole = re.compile(WHOLE_NUMBER, re.ASCII)
        for line, cells in self._lines() if indices else ():
            for index in indices:
                cell = cells[index].strip()
                if whole.search(cell) and not is_exact(cell):
                    raise inexact(self._head.names[index], cell, f"Line {line}: ")

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Each row of data with the number of its first line."""
        reader = self._python_reader()
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise UnreadableDataset(f"Line {line} can't be read: {error}.") from error
            if cells and line > self._head.n_lines:
                yield line, cells

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

    def _python_reader(self, max_characters: int | None = None) -> csv._reader:  # type: ignore[name-defined]
        self._file.seek(0)
        text = io.TextIOWrapper(io.BufferedReader(_Unclosable(self._file)), encoding="utf-8-sig", newline="")
        lines = text if max_characters is None else _bounded(text, max_characters)
        return csv.reader(lines, delimiter=self._delimiter, strict=True)


def _bounded(text: io.TextIOWrapper, max_characters: int) -> Iterator[str]:
    """The lines of a text; raises TooLarge once they have more characters than that."""
    while line := text.readline(max_characters + 1):
        max_characters -= len(line)
        if max_characters < 0:
            raise TooLarge("The first line is longer than the names of columns may be.")
        yield line


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


class _Tally:
    """What is said of a column by its cells, block by block."""

    def __init__(self, guess: Column) -> None:
        self.name = guess.name
        self.is_text = guess.kind is ColumnKind.CATEGORICAL
        self.has_large = False
        self.first_wrong: int | None = None
        self._n_rows = self._n_present = self._n_numbers = 0

    def add(self, values: pa.Array) -> None:
        import pyarrow as pa

        if not self.is_text:
            self._look_for_large(values)
            return
        cells = trimmed(values)
        is_present = ~missing(cells)
        is_numeric = matching(cells, NUMBER) & is_present
        wrong = np.flatnonzero(is_present & ~is_numeric)
        if self.first_wrong is None and len(wrong):
            self.first_wrong = self._n_rows + int(wrong[0])
        self._n_rows += len(values)
        self._n_present += int(is_present.sum())
        self._n_numbers += int(is_numeric.sum())
        if is_numeric.any() and not self.has_large:
            self._look_for_large(numbers(cells.filter(pa.array(is_numeric))))

    @property
    def is_numeric(self) -> bool:
        """Numbers make up at least half of what is there, or nothing is there."""
        if not self.is_text:
            return True
        return 2 * self._n_numbers >= self._n_present and (self._n_numbers > 0 or self._n_present == 0)

    def _look_for_large(self, floats: pa.Array) -> None:
        found = floats.to_numpy(zero_copy_only=False)
        self.has_large = self.has_large or bool((np.abs(found) >= MAX_EXACT).any())


def _kind(values: pa.Array) -> ColumnKind:
    """Numeric if every cell that isn't missing reads as a number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.cast(pc.utf8_trim(values, " \t"), pa.float64())  # what the reader of numbers trims, and no more
    except pa.ArrowInvalid:
        return ColumnKind.CATEGORICAL
    return ColumnKind.NUMERIC
