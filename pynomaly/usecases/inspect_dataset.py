"""Look at a dataset: a sample of its rows, and how good the data is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import Block, Column, ColumnKind
from pynomaly.domain.errors import TooLarge
from pynomaly.domain.moments import Moments
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform

_MAX_COUNTED_CATEGORIES = 10_000
_MAX_SAMPLE_BYTES = 64 << 20
_CELL_BYTES = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows; missing and infinite values are None, JSON having neither."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """One column: how much is missing or infinite, whether it says anything, and its range if it is numeric."""

    name: str
    kind: ColumnKind
    n_missing: int
    n_infinite: int
    is_constant: bool
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    n_categories: int | None


@dataclass(frozen=True, slots=True)
class Quality:
    """`score` is the share of cells that are present and finite, less the share of rows that repeat another."""

    n_rows: int
    n_missing: int
    n_duplicate_rows: int
    score: float
    columns: Sequence[ColumnQuality]


def sample_dataset(
    platform: Platform, caller: Caller, dataset_id: str, *, n: int, seed: int | None
) -> Sample:
    """The first n rows, or with a seed n random ones in their order; raises TooLarge beyond _MAX_SAMPLE_BYTES."""
    dataset = platform.dataset_to_read(caller, dataset_id, "sample")
    n = min(n, dataset.n_rows)
    if seed is None:
        wanted = np.arange(n)
    else:
        wanted = np.sort(np.random.default_rng(seed).choice(dataset.n_rows, n, replace=False))
    rows: list[list[Any]] = []
    start = n_bytes = 0
    for block in platform.rows.read(dataset):
        here = wanted[(wanted >= start) & (wanted < start + block.n_rows)] - start
        n_bytes += _sample_bytes(block, here)
        if n_bytes > _MAX_SAMPLE_BYTES:
            raise TooLarge(f"The sample has more than {_MAX_SAMPLE_BYTES} bytes.", hint="Ask for fewer rows.")
        rows.extend(json_rows(block, dataset.columns, here))
        start += block.n_rows
        if len(rows) == n:
            break
    return Sample([column.name for column in dataset.columns], rows)


def _sample_bytes(block: Block, indices: NDArray[np.int64]) -> int:
    """How large those rows are about to be: so much a cell, and the text."""
    text = [values[indices] for values in block.columns.values() if values.dtype.kind == "O"]
    n_text_bytes = sum(len(value) for cells in text for value in cells if value is not None)
    return _CELL_BYTES * len(block.columns) * len(indices) + n_text_bytes


def json_rows(block: Block, columns: Sequence[Column], indices: NDArray[np.int64]) -> list[list[Any]]:
    """Those rows of a block as JSON values."""
    cells = [_json_cells(block.columns[column.name][indices]) for column in columns]
    return [list(row) for row in zip(*cells, strict=True)]


def judge_quality(platform: Platform, caller: Caller, dataset_id: str) -> Quality:
    """Measure the dataset in one pass over its blocks."""
    dataset = platform.dataset_to_read(caller, dataset_id, "quality")
    tallies = {column.name: _Tally(column) for column in dataset.columns}
    hashes: list[NDArray[np.uint64]] = []
    for block in platform.rows.read(dataset):
        for name, tally in tallies.items():
            tally.add(block.columns[name])
        hashes.append(_row_hashes(block.columns, block.n_rows))
    columns = [tally.judged() for tally in tallies.values()]
    n_distinct = len(np.unique(np.concatenate(hashes))) if hashes else 0
    n_bad = sum(column.n_missing + column.n_infinite for column in columns)
    n_cells = max(1, dataset.n_rows * len(columns))
    n_duplicates = dataset.n_rows - n_distinct
    return Quality(
        n_rows=dataset.n_rows,
        n_missing=sum(column.n_missing for column in columns),
        n_duplicate_rows=n_duplicates,
        score=max(0.0, 1.0 - n_bad / n_cells - n_duplicates / max(1, dataset.n_rows)),
        columns=columns,
    )


class _Tally:
    """Counts over one column, block by block."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._n_rows = self._n_missing = self._n_infinite = 0
        self._minimum, self._maximum = np.inf, -np.inf
        self._moments = Moments()
        self._categories: set[int] = set()  # their hashes: a category may be of any length

    def add(self, values: NDArray[Any]) -> None:
        self._n_rows += len(values)
        if self._column.kind is ColumnKind.CATEGORICAL:
            present = [value for value in values if value is not None]
            self._n_missing += len(values) - len(present)
            if len(self._categories) <= _MAX_COUNTED_CATEGORIES:
                self._categories.update(map(hash, present))
            return
        self._n_missing += int(np.isnan(values).sum())
        self._n_infinite += int(np.isinf(values).sum())
        finite = values[np.isfinite(values)]
        if len(finite):
            self._minimum = min(self._minimum, float(finite.min()))
            self._maximum = max(self._maximum, float(finite.max()))
            self._moments.add(finite)

    def judged(self) -> ColumnQuality:
        is_numeric = self._column.kind is ColumnKind.NUMERIC
        has_numbers = is_numeric and self._moments.n > 0
        return ColumnQuality(
            name=self._column.name,
            kind=self._column.kind,
            n_missing=self._n_missing,
            n_infinite=self._n_infinite,
            is_constant=self._minimum >= self._maximum if is_numeric else len(self._categories) <= 1,
            minimum=self._minimum if has_numbers else None,
            maximum=self._maximum if has_numbers else None,
            mean=self._moments.mean,
            std=self._moments.std,
            n_categories=None if is_numeric else len(self._categories),
        )


def _json_cells(values: NDArray[Any]) -> list[Any]:
    if values.dtype.kind != "f":
        return list(values.tolist())
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _row_hashes(columns: Mapping[str, NDArray[Any]], n_rows: int) -> NDArray[np.uint64]:
    """A 64-bit hash of each row (n_rows,); equal rows have equal hashes."""
    mixed = np.zeros(n_rows, np.uint64)
    for values in columns.values():
        if values.dtype.kind == "f":
            bits = (values + 0.0).view(np.uint64)  # + 0.0 makes -0.0 and 0.0 one
        else:
            bits = np.fromiter((hash(value) & 0xFFFFFFFFFFFFFFFF for value in values), np.uint64, n_rows)
        mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed
