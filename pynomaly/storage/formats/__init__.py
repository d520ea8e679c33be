"""Files as they come in, one reader a format: `open_rows` finds the right one."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from pynomaly.domain.errors import TooLarge, UnsupportedMedia
from pynomaly.domain.limits import DataLimits
from pynomaly.domain.ports import RowSource
from pynomaly.storage.formats.delimited import DelimitedRows
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
            f"Files of the format {file_format[:20]!r} are not taken.", hint=f"Send one of {', '.join(FORMATS)}."
        )
    source = opener(file, limits)
    if len(source.columns) > limits.max_columns:
        raise TooLarge(f"The file has {len(source.columns)} columns; {limits.max_columns} is the limit.")
    return source
