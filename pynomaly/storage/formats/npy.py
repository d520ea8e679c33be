"""numpy's .npy: a matrix of numbers, columns named f0, f1, …; objects (which would run code) are refused.

The header is read here and not by numpy, which evaluates it as Python: then a shape may be negative or a boolean, and
nesting costs time and memory before anything is known of the array.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.storage.formats.cells import exact_floats
from pynomaly.storage.rows import BLOCK_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pynomaly.domain.limits import DataLimits

_MAX_HEADER_BYTES = 4_096
_MAX_DIGITS = 15
_BLOCK_CELLS = 1 << 21
_VALUE = r"(?:'[^']*'|\"[^\"]*\"|\([^()]*\)|\[[^\[\]]*\]|[A-Za-z0-9_.+-]+)"
_PAIR = rf"['\"][a-z_]+['\"]\s*:\s*{_VALUE}"
_DICTIONARY = re.compile(rf"\{{\s*{_PAIR}(?:\s*,\s*{_PAIR}){{2}}\s*(?:,\s*)?\}}\s*")
_ITEM = re.compile(rf"['\"]([a-z_]+)['\"]\s*:\s*({_VALUE})")
_REAL_DTYPE = re.compile(r"[<>|=]?(?:[fiub][0-9]{1,2}|\?)")


class NpyRows:
    """The rows of a seekable .npy file of shape (n,) or (n, d), any real dtype."""

    def __init__(self, file: BinaryIO, limits: DataLimits) -> None:
        self._file = file
        file.seek(0)
        header = _read_header(file)
        self._is_fortran, self._dtype = header.is_fortran, header.dtype
        self._start = file.tell()
        self._n_rows, self._width = (*header.shape, 1)[:2]
        if self._n_rows == 0 or self._width == 0:
            raise UnreadableDataset("The array has no rows.")
        if self._n_rows > limits.max_rows or self._width > limits.max_columns:
            raise TooLarge(f"The array is {self._n_rows} x {self._width}, over the limit.")
        held = file.seek(0, os.SEEK_END) - self._start
        if held != self._n_rows * self._width * self._dtype.itemsize:
            promised = f"{self._n_rows} x {self._width}"
            raise UnreadableDataset(f"The header promises {promised} values, the file holds others.")
        self.columns = tuple(Column(f"f{i}", ColumnKind.NUMERIC) for i in range(self._width))

    def blocks(self) -> Iterator[Block]:
        """The rows in order, as float64, no more than _BLOCK_CELLS values or one row at a time."""
        n_at_once = max(1, min(BLOCK_ROWS, _BLOCK_CELLS // self._width))
        for start in range(0, self._n_rows, n_at_once):
            n_rows = min(n_at_once, self._n_rows - start)
            part = self._columns_part(start, n_rows) if self._is_fortran else self._rows_part(start, n_rows)
            yield Block(
                {c.name: exact_floats(part[:, i], c.name) for i, c in enumerate(self.columns)}, n_rows
            )

    def _rows_part(self, start: int, n_rows: int) -> NDArray[Any]:
        return self._values(start * self._width, n_rows * self._width).reshape(n_rows, self._width)

    def _columns_part(self, start: int, n_rows: int) -> NDArray[Any]:
        """Rows of a file that holds one column after the other."""
        part = np.empty((n_rows, self._width), self._dtype)
        for column in range(self._width):
            part[:, column] = self._values(column * self._n_rows + start, n_rows)
        return part

    def _values(self, first: int, n: int) -> NDArray[Any]:
        size = self._dtype.itemsize
        self._file.seek(self._start + first * size)
        content = self._file.read(n * size)
        if len(content) != n * size:
            raise UnreadableDataset("The file ends before its last value.")
        return np.frombuffer(content, self._dtype)


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]


def _read_header(file: BinaryIO) -> _Header:
    magic = file.read(8)
    size_bytes = {1: 2, 2: 4, 3: 4}.get(magic[6]) if len(magic) == 8 and magic[:6] == b"\x93NUMPY" else None
    if size_bytes is None:
        raise UnreadableDataset("The file is not in numpy's .npy format.")
    length = int.from_bytes(file.read(size_bytes), "little")
    if length > _MAX_HEADER_BYTES:
        raise UnreadableDataset(f"The header has {length} bytes; {_MAX_HEADER_BYTES} is the limit.")
    text = file.read(length).decode("latin-1")
    items = dict(_ITEM.findall(text)) if _DICTIONARY.fullmatch(text) else {}
    if items.keys() != {"descr", "fortran_order", "shape"}:
        raise UnreadableDataset("The header does not describe an array of numbers.")
    return _Header(
        _shape(items["shape"]), _choice(items["fortran_order"]), _real_dtype(items["descr"].strip("'\""))
    )


def _shape(text: str) -> tuple[int, ...]:
    sizes = [size.strip().rstrip("L") for size in text.strip("()").split(",")]
    if sizes and not sizes[-1]:
        sizes.pop()  # (3,)
    if not text.startswith("(") or not all(size.isdigit() for size in sizes):
        raise UnreadableDataset("The header's shape is not one of whole numbers from 0.")
    if len(sizes) not in (1, 2):
        raise UnreadableDataset(f"The array has {len(sizes)} dimensions; rows and columns are needed.")
    if max(map(len, sizes)) > _MAX_DIGITS:
        raise TooLarge("The array is over the limit.")
    return tuple(map(int, sizes))


def _choice(text: str) -> bool:
    if text not in ("True", "False"):
        raise UnreadableDataset("The header's fortran_order is neither True nor False.")
    return text == "True"


def _real_dtype(text: str) -> np.dtype[Any]:
    if not _REAL_DTYPE.fullmatch(text):
        raise UnreadableDataset(f"Arrays of {text[:20]!r} are not taken, only real numbers.")
    try:
        return np.dtype(text)
    except TypeError:
        raise UnreadableDataset(f"There are no numbers of type {text[:20]!r}.") from None
