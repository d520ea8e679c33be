"""From columns to the matrix a model sees, the same way at training and ever after.

Numeric columns are taken as they are; a missing value becomes the training median of its column (0 where the whole
column was missing). A categorical column becomes the share of training rows with that category, so a rare category is
a small number and an unknown or missing one is 0; columns with more than MAX_CATEGORIES categories (identifiers, free
text) say nothing about a row's oddness and are left out. All of it is decided at training and kept with the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import DimensionMismatch, InvalidInput, NonFiniteValues

MAX_CATEGORIES = 1_000


@dataclass(frozen=True, slots=True)
class NumericFeature:
    """Takes the column as it is; `median` stands in for what is missing."""

    name: str
    median: float

    def encode(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) numbers, or text that says numbers, to (n,) float64 without NaN."""
        numbers = _as_numbers(self.name, values)
        if np.isinf(numbers).any():
            raise NonFiniteValues(f"Column {self.name!r} holds infinite values.")
        missing = np.isnan(numbers)
        return np.where(missing, self.median, numbers) if missing.any() else numbers


@dataclass(frozen=True, slots=True)
class CategoricalFeature:
    """Turns a category into its share of the training rows; `frequencies` maps category to share (0 to 1)."""

    name: str
    frequencies: Mapping[str, float]

    def encode(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) of str, number or None to (n,) float64 shares."""
        shares = self.frequencies
        return np.fromiter((shares.get(_category(v), 0.0) for v in values), np.float64, len(values))


Feature = NumericFeature | CategoricalFeature


@dataclass(frozen=True, slots=True)
class Preparation:
    """The features of a model in their order; `matrix` applies it to any rows with those columns."""

    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in the order of the model's columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def is_numeric(self) -> bool:
        """Whether a plain matrix of numbers can stand for the columns."""
        return all(isinstance(feature, NumericFeature) for feature in self.features)

    def matrix(self, block: Block) -> NDArray[np.float64]:
        """The block as (n_rows, n_features) float64; raises DimensionMismatch naming the missing columns."""
        absent = [feature.name for feature in self.features if feature.name not in block.columns]
        if absent:
            raise DimensionMismatch(
                f"The data has no column {', '.join(map(repr, absent[:5]))}.",
                hint=f"The detector was trained on the {len(self.features)} columns {', '.join(self.names[:20])}.",
            )
        result = np.empty((block.n_rows, len(self.features)))
        for index, feature in enumerate(self.features):
            result[:, index] = feature.encode(block.columns[feature.name])
        return result


def learn_preparation(columns: Sequence[Column], blocks: Sequence[Block]) -> Preparation:
    """Decide how each feature column is encoded from all training rows; raises InvalidInput if none is usable."""
    features = [_learn(column, blocks) for column in columns]
    usable = tuple(feature for feature in features if feature is not None)
    if not usable:
        raise InvalidInput(
            "No column can be used for training.", hint="Only free text or identifiers were found."
        )
    return Preparation(usable)


def _learn(column: Column, blocks: Sequence[Block]) -> Feature | None:
    if column.kind is ColumnKind.NUMERIC:
        values = np.concatenate([block.columns[column.name] for block in blocks])
        present = values[np.isfinite(values)]
        return NumericFeature(column.name, float(np.median(present)) if len(present) else 0.0)
    counts: Counter[str] = Counter()
    for block in blocks:
        counts.update(_category(value) for value in block.columns[column.name] if value is not None)
        if len(counts) > MAX_CATEGORIES:
            return None
    n_rows = sum(block.n_rows for block in blocks)
    return CategoricalFeature(column.name, {name: n / n_rows for name, n in sorted(counts.items())})


def _category(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of codes read as numbers at detection, as text at training
    return str(value)


def _as_numbers(name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype.kind in "fiu":
        return values.astype(np.float64, copy=False)
    try:
        return np.array(
            [np.nan if value is None or value == "" else float(value) for value in values], np.float64
        )
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Column {name!r} was numeric at training and holds text now.") from error
