"""Files as they come in, one reader a format: `open_rows` finds the right one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from pynomaly.domain.datasets import Block
from pynomaly.domain.errors import UnreadableDataset, UnsupportedMedia
from pynomaly.domain.limits import DataLimits
from pynomaly.domain.ports import RowSource
from pynomaly.storage.formats.cells import is_index
from pynomaly.storage.formats.delimited import DelimitedRows
from pynomaly.storage.formats.naming import require_names
from pynomaly.storage.formats.npy import NpyRows
from pynomaly.storage.formats.parquet import ParquetRows

FORMATS: dict[str, Callable[[BinaryIO, DataLimits], RowSource]] = {
    "csv": lambda file, limits: DelimitedRows(file, limits, delimiter=","),
    "tsv": lambda file, limits: DelimitedRows(file, limits, delimiter="\t"),
    "parquet": ParquetRows,
    "npy": NpyRows,
}


def open_rows(file: BinaryIO, file_format: str, limits: DataLimits) -> RowSource:
    """Open a seekable file in one of FORMATS.

    Raises UnsupportedMedia for another format, UnreadableDataset where the file is not what its format says,
    TooLarge beyond the limits.
    """
    opener = FORMATS.get(file_format)
    if opener is None:
        raise UnsupportedMedia(
            f"Files of the format {file_format[:20]!r} are not taken.",
            hint=f"Send one of {', '.join(FORMATS)}.",
        )
    source = opener(file, limits)
    require_names([column.name for column in source.columns], limits)
    return _WithoutIndex(source) if any(is_index(column.name) for column in source.columns) else source


class _WithoutIndex:
    """A source without the row index that pandas wrote beside the data: a row's number is no feature of it."""

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self.columns = tuple(column for column in source.columns if not is_index(column.name))
        if not self.columns:
            raise UnreadableDataset("The file has no column besides pandas' row index.")

    def blocks(self) -> Iterator[Block]:
        """The rows in order."""
        for block in self._source.blocks():
            yield Block({column.name: block.columns[column.name] for column in self.columns}, block.n_rows)
