"""Reads csv and tsv files, and says of each that is no good which line it is and how to mend it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from pynomaly_itest.datasets.columns import MAX_EXACT, Table, inexact
from pynomaly_itest.errors import UsageError

MOST_ROWS = 2_000_000
_MISSING = ("", "nan", "-nan", "na", "n/a", "null", "none", "?")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class _Line:
    number: int
    fields: list[str]


def read_delimited(path: Path, delimiter: str) -> Table:
    """The table in the file: UTF-8 (a byte-order mark is passed over), the columns' names in its first line.

    A column is numeric if half of its values are numbers; a text in it is then refused. Raises UsageError
    naming file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, file, delimiter)
    except UnicodeDecodeError as problem:
        line = path.read_bytes().count(b"\n", 0, problem.start) + 1
        raise UsageError(f"{path}:{line} is not UTF-8 text", hint="save the file as UTF-8") from problem


def _read(path: Path, file: TextIO, delimiter: str) -> Table:
    lines = _lines(path, file, delimiter)
    header = next(lines, None)
    if header is None:
        raise UsageError(f"{path} is empty", hint="its first line names the columns")
    names = _names(path, header, delimiter)
    rows: list[list[str]] = []
    numbers: list[int] = []
    for line in lines:
        if len(line.fields) != len(names):
            raise UsageError(
                f"{path}:{line.number} has {len(line.fields)} fields, the header has {len(names)}",
                hint="each line needs a value for each column; a value with the delimiter in it needs quotes",
            )
        rows.append(line.fields)
        numbers.append(line.number)
        if len(rows) > MOST_ROWS:
            raise UsageError(
                f"{path} has more than {MOST_ROWS:,} rows", hint="a parquet or npy file may hold more"
            )
    if not rows:
        raise UsageError(
            f"{path} has no rows below its header", hint="a dataset needs at least one row of values"
        )
    return _table(path, names, rows, numbers)


def _lines(path: Path, file: TextIO, delimiter: str) -> Iterator[_Line]:
    """Lines that say something; empty ones are passed over."""
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            raise UsageError(
                f"{path}:{number} is no {path.suffix.lstrip('.') or 'csv'} line: {problem}"
            ) from problem
        if fields:
            yield _Line(number, fields)


def _names(path: Path, header: _Line, delimiter: str) -> list[str]:
    names = [name.strip() for name in header.fields]
    place = f"{path}:{header.number}"
    if all(_is_number(name) for name in names):
        raise UsageError(
            f"{place} has no header: its values are numbers", hint="name the columns in the first line"
        )
    if len(names) == 1:
        other = next((mark for mark in ",;\t|" if mark != delimiter and mark in names[0]), None)
        if other:
            raise UsageError(
                f"{place}: the fields seem to stand between {other!r}", hint=f"write {delimiter!r}"
            )
    for index, name in enumerate(names):
        if not name:
            raise UsageError(f"{place}: column {index + 1} has no name", hint="name every column")
        if name in names[:index]:
            raise UsageError(f"{place}: two columns are called {name!r}", hint="rename one")
    return names


def _table(path: Path, names: list[str], rows: list[list[str]], lines: list[int]) -> Table:
    numbers: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    whole: set[str] = set()
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        column = _numbers(path, name, values, lines)
        if column is None:
            texts[name] = values
        else:
            numbers[name] = column
            if all(_WHOLE_NUMBER.fullmatch(value.strip()) for value in values):
                whole.add(name)
    return Table(str(path), names, len(rows), numbers, texts, lines=lines, integers=whole)


def _numbers(path: Path, name: str, values: tuple[str, ...], lines: list[int]) -> Any:
    """(n,) float64 with NaN where missing; None where the column is one of texts."""
    import numpy as np

    column = _plain_numbers(values)
    if column is not None:
        _require_exact(path, name, column, values, lines)
        return column
    found = [_number(value) for value in values]
    wrong = [row for row, number in enumerate(found) if number is None]
    if not wrong:
        column = np.array(found, dtype=np.float64)
        _require_exact(path, name, column, values, lines)
        return column
    present = sum(value.strip().lower() not in _MISSING for value in values)
    if (present - len(wrong)) * 2 < present or present == len(wrong):
        return None
    row = wrong[0]
    raise UsageError(
        f"{path}:{lines[row]}: {values[row][:40]!r} in column {name!r} is no number, as most others there are",
        hint="write a number, or leave it empty and say how 'missing' ones are taken",
    )


def _plain_numbers(values: tuple[str, ...]) -> Any:
    """(n,) float64 where numpy reads every cell, and none has what only Python takes for a part of a number."""
    import numpy as np

    together = "".join(values)
    if "_" in together or not together.isascii():
        return None
    try:
        return np.array(values, dtype=np.float64)
    except ValueError:
        return None


def _require_exact(path: Path, name: str, column: Any, values: tuple[str, ...], lines: list[int]) -> None:
    """Raise UsageError for a whole number that float64 can't hold: rounded, it would be another."""
    import numpy as np

    for row in np.flatnonzero(np.abs(column) >= MAX_EXACT).tolist():
        text = values[row].strip()
        if _WHOLE_NUMBER.fullmatch(text) and Decimal(float(text)) != Decimal(text):
            raise inexact(f"{path}:{lines[row]}", name, text)


def _number(text: str) -> float | None:
    """The number that a cell says, NaN where it is missing, None where it is another text.

    `1_000`, `1,000.5` and digits of other scripts are no numbers, whatever Python's float() makes of them.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    return float("nan") if text.lower() in _MISSING else None


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None or text.strip().lower() == "nan"
