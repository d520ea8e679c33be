"""What cells of a table mean: which texts are numbers, which are missing, and which whole numbers float64 can't hold.

The tool reads files by the same rules (`tests/cli/test_same_reader.py` holds the two against each other).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import MAX_EXACT
from pynomaly.domain.errors import UnreadableDataset

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?)$"
WHOLE_NUMBER = r"^[+-]?[0-9]+$"
MISSING_WORDS = ("", "nan", "-nan", "na", "n/a", "null", "none", "?")
"""In a column of numbers, in any case; among texts `none` and `?` may be categories like others."""
_MAX_DIGITS = 308
"""Of the largest float64."""
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_NUMBER = re.compile(NUMBER, re.ASCII)


def is_number(cell: str) -> bool:
    """Whether the text is a number as files have it: no `1_000`, no `1,000.5`, no digits of other scripts."""
    text = cell.strip()
    return text.lower() == "nan" or _NUMBER.search(text) is not None


def is_index(name: str) -> bool:
    """Whether a column is the row index that pandas writes beside the data."""
    return _PANDAS_INDEX.fullmatch(name) is not None


def trimmed(values: pa.Array) -> pa.Array:
    """Cells without the blanks around them."""
    import pyarrow.compute as pc

    return pc.utf8_trim(values, " \t")


def missing(values: pa.Array) -> NDArray[np.bool_]:
    """Which of the trimmed cells (n,) say that there is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.is_in(pc.utf8_lower(values), value_set=pa.array(MISSING_WORDS))
    return _flags(pc.or_(found, pc.is_null(values)))


def matching(values: pa.Array, pattern: str) -> NDArray[np.bool_]:
    """Which of the cells (n,) match; null ones don't."""
    import pyarrow.compute as pc

    return _flags(pc.fill_null(pc.match_substring_regex(values, pattern), False))


def numbers(values: pa.Array) -> pa.Array:
    """Cells that are numbers or missing as float64 with nulls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = trimmed(values)
    return pc.cast(pc.if_else(pa.array(missing(cells)), None, cells), pa.float64())


def exact_floats(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Whole numbers (n,) or floating ones as float64; raises UnreadableDataset where that changes a whole number."""
    converted = values.astype(np.float64)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        # compared as integers: 2**64 - 1 becomes 2**64, which no uint64 is
        large = np.flatnonzero(np.abs(converted) >= MAX_EXACT)
        for row in large:
            if int(converted[row]) != int(values[row]):
                raise inexact(name, str(values[row]))
    return converted


def is_exact(cell: str) -> bool:
    """Whether float64 holds the whole number that the text says; no more digits than a number has are looked at."""
    digits = cell.lstrip("+-").lstrip("0")
    return len(digits) <= _MAX_DIGITS and int(float(digits or "0")) == int(digits or "0")


def inexact(name: str, value: str, place: str = "") -> UnreadableDataset:
    """The refusal of a whole number that would become another."""
    return UnreadableDataset(
        f"{place}{value[:40]} in column {name[:80]!r} is beyond 2^53 and would be rounded.",
        hint="If it is an identifier, store it as text (in CSV: with a letter before it) or leave the column out.",
    )


def _flags(values: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values.to_numpy(zero_copy_only=False).astype(bool)
    return found
