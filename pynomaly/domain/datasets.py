"""A dataset: named columns of numbers or categories, read block by block so that size is no matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import SecurityLevel

MAX_EXACT = 2**53
"""Beyond it float64 holds not every whole number."""


class ColumnKind(StrEnum):
    """What a column holds: float64 (missing is NaN) or text (missing is None)."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


@dataclass(frozen=True, slots=True)
class Column:
    """One column's name and kind, as decided when the file was read."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive rows: for each column an array of n_rows, float64 or object (str or None)."""

    columns: Mapping[str, NDArray[Any]]
    n_rows: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is known of a stored dataset; its rows are in the blob store under the same id."""

    id: str
    owner_id: str
    tenant_id: str
    name: str
    description: str | None
    columns: tuple[Column, ...]
    n_rows: int
    target_column: str | None
    size_bytes: int
    created_at: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict)
    level: SecurityLevel = SecurityLevel.INTERNAL

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns a detector sees: all but the target."""
        return tuple(column for column in self.columns if column.name != self.target_column)


_LABELS = {
    **dict.fromkeys(("0", "false", "no", "n", "normal", "inlier"), 0),
    **dict.fromkeys(("1", "true", "yes", "y", "anomaly", "outlier"), 1),
}


def target_labels(values: NDArray[Any], first_row: int = 0) -> NDArray[np.int8]:
    """A target column, (n,) float64 or text, as 0 (normal) and 1 (anomaly).

    Numbers are 0 and 1, or scikit-learn's 1 (normal) and -1 (anomaly); texts are those of _LABELS in any case. Anything
    else raises InvalidInput that names the row, which is number `first_row` of the data and on: whether 2 is an anomaly
    can't be guessed.
    """
    if values.dtype.kind == "f":
        labels, known = values, np.isin(values, (-1, 0, 1))
    else:
        labels = np.array([_LABELS.get(str(value).strip().lower(), np.nan) for value in values], np.float64)
        known = np.isfinite(labels)
    if not known.all():
        raise _no_label(values, int(np.argmin(known)), first_row)
    if (labels == -1).any():
        if (labels == 0).any():
            raise _no_label(values, int(np.argmax(labels == 0)), first_row, "is 0 where others are -1")
        return np.asarray(labels == -1, np.int8)
    return np.asarray(labels, np.int8)


def _no_label(values: NDArray[Any], row: int, first_row: int, problem: str = "") -> InvalidInput:
    value = values[row]
    is_missing = value is None or value != value
    shown = f"{value:g}" if isinstance(value, float) else repr(str(value)[:40])
    said = problem or ("is missing" if is_missing else f"is {shown}, neither 0 nor 1")
    return InvalidInput(
        f"The label in row {first_row + row + 1} of the data {said}.",
        hint="1 marks an anomaly; true and false, normal and anomaly, scikit-learn's 1 and -1 are understood, too.",
    )


def concatenate(blocks: Iterable[NDArray[Any]], n_columns: int) -> NDArray[np.float64]:
    """Matrices (n_i, n_columns) under one another as float64, C order; none at all gives (0, n_columns)."""
    parts = list(blocks)
    if not parts:
        return np.empty((0, n_columns))
    return np.ascontiguousarray(np.concatenate(parts), dtype=np.float64)
