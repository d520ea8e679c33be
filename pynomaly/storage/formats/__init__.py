"""Files as they come in, one reader a format: `open_rows` finds the right one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from pynomaly.domain.errors import TooLarge, UnreadableDataset, UnsupportedMedia
from pynomaly.domain.limits import DataLimits
from pynomaly.domain.ports import RowSource
from pynomaly.storage.formats.delimited import DelimitedRows
from pynomaly.storage.formats.npy import NpyRows
from pynomaly.storage.formats.parquet import ParquetRows

_MAX_NAME = 500
_GOOD_NAME = re.compile(rf"[^\x00-\x1f\x7f]{{1,{_MAX_NAME}}}")
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
    if len(source.columns) > limits.max_columns:
        raise TooLarge(f"The file has {len(source.columns)} columns; {limits.max_columns} is the limit.")
    for column in source.columns:
        if not _GOOD_NAME.fullmatch(column.name):
            raise UnreadableDataset(
                f"The column name {column.name[:40]!r} is too long or holds control characters.",
                hint=f"At most {_MAX_NAME} characters.",
            )
    return source
