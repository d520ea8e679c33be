"""A scenario's matrix: one cell for each combination of values, with `include` and `exclude` as in GitHub Actions, and
`ids` as in pytest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

MOST_CELLS = 1_000
_LONGEST_SHOWN = 60
_ID = re.compile(r"[\w.+%:/=-]{1,60}")

Cell: TypeAlias = dict[str, Any]

RESERVED = ("include", "exclude", "ids")
"""Keys of a matrix that are no names of values."""


class MatrixFault(ValueError):
    """Why there are no cells; `key` is the part of the matrix that is at fault, if it is one part."""

    def __init__(self, message: str, key: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


def cells(matrix: Mapping[str, Any]) -> list[Cell]:
    """The cells in the order of the lists, the last name changing fastest; one empty cell without a matrix.

    `exclude` takes out every cell that has all of an entry's values. An entry of `include` is added to each
    cell whose own values it doesn't contradict, else it is a cell of its own. Where a cell lacks a name that
    others have, its value is null. Raises MatrixFault.
    """
    if not matrix:
        return [{}]
    axes = {name: _values(name, values) for name, values in matrix.items() if name not in RESERVED}
    _check_size(axes)
    base: list[Cell] = (
        [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    )
    for entry in _entries(matrix, "exclude"):
        _check_names(entry, axes)
        base = [cell for cell in base if any(cell[name] != value for name, value in entry.items())]
    found = _include(base, _entries(matrix, "include"))
    if not found:
        raise MatrixFault("the matrix has no cell: nothing would run")
    if len(found) > MOST_CELLS:
        raise MatrixFault(f"the matrix has more than {MOST_CELLS:,} cells")
    names = list(dict.fromkeys(name for cell in found for name in cell))
    return [{name: cell.get(name) for name in names} for cell in found]


def cell_id(cell: Mapping[str, Any]) -> str:
    """`[algorithm=isolation_forest,rows=100]`, or nothing without a matrix; names that are null are left out."""
    parts = [f"{name}={_short(value)}" for name, value in cell.items() if value is not None]
    return f"[{','.join(parts)}]" if parts else ""


def cell_ids(matrix: Mapping[str, Any], found: Sequence[Cell]) -> list[str]:
    """What each cell is called behind the scenario's id: `[few]` by `ids`, one for each cell in order (null: as
    without), else by its values. Raises MatrixFault."""
    own = matrix.get("ids")
    if own is None:
        return [cell_id(cell) for cell in found]
    if not isinstance(own, list) or len(own) != len(found):
        count = len(own) if isinstance(own, list) else "none"
        message = (
            f"the matrix' 'ids' must be a list with a name for each of its {len(found)} cells: it has {count}"
        )
        raise MatrixFault(message, "ids")
    for name in own:
        if name is not None and not _ID.fullmatch(str(name)):
            raise MatrixFault(
                f"{name!r} in the matrix' 'ids' is no name", "ids", "letters, digits and _ . - + % : / ="
            )
    return [cell_id(cell) if name is None else f"[{name}]" for cell, name in zip(found, own, strict=True)]


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return str(value.get("name") or "+".join(_short(item) for item in value.values()))
    if isinstance(value, list):
        return "+".join(_short(item) for item in value)
    shown = "".join(ch if ch.isprintable() else " " for ch in str(value))
    return shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 1] + "…"


def _values(name: str, values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise MatrixFault(f"the matrix' {name!r} must be a list of values", name, f"write {name}: [ … ]")
    if not values:
        raise MatrixFault(f"the matrix' {name!r} is empty: nothing would run", name)
    return values


def _check_size(axes: Mapping[str, Sequence[Any]]) -> None:
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > MOST_CELLS:
        raise MatrixFault(f"the matrix has {size:,} cells, more than {MOST_CELLS:,}")


def _entries(matrix: Mapping[str, Any], key: str) -> list[Cell]:
    entries = matrix.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry for entry in entries):
        raise MatrixFault(f"the matrix' {key!r} must be a list of mappings", key)
    return entries


def _check_names(entry: Cell, axes: Mapping[str, Any]) -> None:
    for name in entry:
        if name not in axes:
            raise MatrixFault(f"'exclude' names {name!r}, which the matrix doesn't have", "exclude")


def _include(base: list[Cell], entries: list[Cell]) -> list[Cell]:
    found = [dict(cell) for cell in base]
    extra: list[Cell] = []
    for entry in entries:
        fitting = [
            cell
            for original, cell in zip(base, found, strict=True)
            if all(original.get(name, value) == value for name, value in entry.items())
        ]
        for cell in fitting:
            cell.update(entry)
        if not fitting:
            extra.append(dict(entry))
    return found + extra
