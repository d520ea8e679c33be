"""numpy's .npy: a matrix of numbers, columns named f0, f1, …; objects (which would run code) are refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge, UnreadableDataset
from pynomaly.storage.formats.cells import exact_floats
from pynomaly.storage.rows import BLOCK_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pynomaly.domain.limits import DataLimits


class NpyRows:
    """The rows of a seekable .npy file of shape (n,) or (n, d), any real dtype."""

    def __init__(self, file: BinaryIO, limits: DataLimits) -> None:
        self._file = file
        file.seek(0)
        shape, self._is_fortran, self._dtype = _header(file)
        self._start = file.tell()
        self._n_rows, self._width = (shape[0], 1) if len(shape) == 1 else shape
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
        """The rows in order, as float64."""
        self._file.seek(self._start)
        if self._is_fortran:
            flat = np.frombuffer(self._file.read(), self._dtype)
            matrix = flat.reshape((self._n_rows, self._width), order="F")
            parts = (matrix[i : i + BLOCK_ROWS] for i in range(0, self._n_rows, BLOCK_ROWS))
        else:
            row_bytes = self._width * self._dtype.itemsize
            sizes = (min(BLOCK_ROWS, self._n_rows - i) for i in range(0, self._n_rows, BLOCK_ROWS))
            parts = (
                np.frombuffer(self._file.read(n * row_bytes), self._dtype).reshape(n, self._width)
                for n in sizes
            )
        for part in parts:
            yield self._block(part)

    def _block(self, part: NDArray[Any]) -> Block:
        return Block(
            {c.name: exact_floats(part[:, i], c.name) for i, c in enumerate(self.columns)}, len(part)
        )


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order, dtype; private, so a tuple will do."""
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(file)
    except (ValueError, EOFError, SyntaxError) as error:
        raise UnreadableDataset("The file is not in numpy's .npy format.") from error
    if dtype.hasobject or dtype.kind not in "fiub":
        raise UnreadableDataset(f"Arrays of {dtype.kind!r} are not taken, only real numbers.")
    if len(shape) not in (1, 2):
        raise UnreadableDataset(f"The array has {len(shape)} dimensions; rows and columns are needed.")
    return shape, is_fortran, dtype
