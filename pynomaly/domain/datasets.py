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


def target_labels(values: NDArray[Any]) -> NDArray[np.int8]:
    """A target column, (n,) float64 or text, as 0 (normal) and 1 (anomaly).

    Numbers: 0 is normal, and where -1 occurs 1 is too (scikit-learn's convention); everything else is an anomaly.
    Text: '', '0', 'normal', 'inlier', 'false', 'no' and 'n' are normal. A missing label raises InvalidInput.
    """
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise InvalidInput("The target column has missing or infinite labels.")
        if (values == -1).any():
            return np.asarray(values == -1, np.int8)
        return np.asarray(values != 0, np.int8)
    if any(value is None for value in values):
        raise InvalidInput("The target column has missing labels.")
    normal = {"", "0", "normal", "inlier", "false", "no", "n"}
    return np.fromiter((str(v).strip().lower() not in normal for v in values), np.int8, len(values))


def concatenate(blocks: Iterable[NDArray[Any]], n_columns: int) -> NDArray[np.float64]:
    """Matrices (n_i, n_columns) under one another as float64, C order; none at all gives (0, n_columns)."""
    parts = list(blocks)
    if not parts:
        return np.empty((0, n_columns))
    return np.ascontiguousarray(np.concatenate(parts), dtype=np.float64)
