"""What every dataset kind is, and the table that comes out of it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:  # numpy takes longer to import than a profile to check
    import numpy as np
    import numpy.typing as npt

LABEL = "label"
MOST_CELLS = 200_000_000

Rows = Annotated[int, Field(ge=1, le=10_000_000, description="how many rows, anomalies included")]
Features = Annotated[int, Field(ge=1, le=10_000, description="how many columns")]
Contamination = Annotated[float, Field(ge=0, le=0.5, description="the share of rows that are anomalies")]
Seed = Annotated[int, Field(ge=0, lt=2**63, description="the same seed gives the same data")]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table to test with.

    X: (n_samples, n_features) float64, columns as `feature_names`; a text column (in `texts`) stands in X as
    the index of each text in the sorted distinct ones. labels: (n_samples,) int64, 1 is an anomaly, or None.
    integers: the columns that hold whole numbers by their type, or as they are written.
    """

    name: str
    X: npt.NDArray[np.float64]
    feature_names: tuple[str, ...]
    labels: npt.NDArray[np.int64] | None = None
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    integers: frozenset[str] = frozenset()

    @property
    def content_hash(self) -> str:
        """SHA-256 in hex of names, values and labels: the same for the same data, wherever it came from."""
        digest = hashlib.sha256(repr((self.feature_names, self.X.shape)).encode())
        digest.update(self.X.astype("<f8").tobytes(order="C"))
        if self.labels is not None:
            digest.update(b"labels" + self.labels.astype("<i8").tobytes())
        for name, values in self.texts.items():
            digest.update(repr((name, list(values))).encode())
        return digest.hexdigest()

    def part(self, rows: int | None = None, *, labels: bool = True) -> Dataset:
        """The first `rows` rows (all, where there are fewer), with or without their labels."""
        kept = self.X[:rows]
        known = self.labels[: len(kept)] if labels and self.labels is not None else None
        texts = {name: values[: len(kept)] for name, values in self.texts.items()}
        return replace(self, X=kept, labels=known, texts=texts)

    def write(self, format: str) -> bytes:  # noqa: A002 - the field's word
        """The table as a file: csv, tsv, parquet or npy, the labels last, as a column `label`.

        In npy, which has no names and no texts, text columns stand as in X. Raises ValueError for another format.
        """
        from pynomaly_itest.datasets.writing import write

        return write(self, format, LABEL)


class DatasetConfig(BaseModel, ABC):
    """One dataset of a profile; its fields are its YAML, and decide the data entirely."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    summary: ClassVar[str] = ""

    @abstractmethod
    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        """The table; `folders` are where relative paths start. Raises UsageError where a file is no good."""


class Generated(DatasetConfig):
    """What every generated dataset has. Without contamination there are no labels."""

    rows: Rows = 1000
    contamination: Contamination = 0.0
    seed: Seed = 42

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Generated:
        cells = self.rows * int(getattr(self, "features", 1))
        if cells > MOST_CELLS:
            raise ValueError(f"rows x features is {cells:,}, more than {MOST_CELLS:,}")
        return self

    def known(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """The labels, where there is anything to label."""
        return labels if self.contamination > 0 else None


def feature_names(count: int, prefix: str = "feature") -> tuple[str, ...]:
    """feature_1, feature_2, …"""
    return tuple(f"{prefix}_{number}" for number in range(1, count + 1))


def place_anomalies(rng: Any, rows: int, contamination: float) -> Any:
    """(rows,) int64, with round(rows * contamination) ones at random places: at least one if any are asked for."""
    import numpy as np

    count = max(1, round(rows * contamination)) if contamination > 0 else 0
    labels = np.zeros(rows, dtype=np.int64)
    labels[rng.permutation(rows)[:count]] = 1
    return labels
