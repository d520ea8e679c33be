"""Some rows of a dataset, on their way to a service: values, with names, types and order of their columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pynomaly_itest.datasets.base import Dataset


@dataclass(frozen=True, eq=False)
class Rows:
    """X: (n_rows, n_columns) float64; names: of the columns, in order; texts: the text columns' n_rows values;
    integers: the columns that hold whole numbers, which a service with a schema takes as nothing else."""

    X: npt.NDArray[np.float64]
    names: tuple[str, ...]
    texts: Mapping[str, Sequence[str]]
    integers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, dataset: Dataset, indices: Sequence[int] | None = None) -> Rows:
        """The rows with these numbers, counted round and round (row n is row 0 again); all of them without any."""
        count = len(dataset.X)
        chosen = range(count) if indices is None else [index % count for index in indices]
        texts = {name: [values[row] for row in chosen] for name, values in dataset.texts.items()}
        return cls(dataset.X[list(chosen)], dataset.feature_names, texts, dataset.integers)

    def __len__(self) -> int:
        return len(self.X)

    def part(self, start: int, stop: int) -> Rows:
        """The rows from `start` to before `stop`."""
        texts = {name: values[start:stop] for name, values in self.texts.items()}
        return Rows(self.X[start:stop], self.names, texts, self.integers)

    def columns(self) -> dict[str, list[Any]]:
        """{name: values}: texts as texts, whole numbers as such, a missing number as None."""
        return {name: self._column(index, name) for index, name in enumerate(self.names)}

    def lists(self) -> list[list[Any]]:
        """A list of values for each row."""
        return [list(values) for values in zip(*self.columns().values(), strict=True)]

    def records(self) -> list[dict[str, Any]]:
        """A mapping of names to values for each row."""
        return [dict(zip(self.names, values, strict=True)) for values in self.lists()]

    def csv(self) -> str:
        """The rows as CSV, the columns' names in the first line; a missing number is an empty field."""
        import csv
        import io

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.names)
        writer.writerows(["" if value is None else value for value in row] for row in self.lists())
        return text.getvalue()

    def npy(self) -> bytes:
        """X as NumPy's own format, which has neither names nor texts."""
        import io

        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, self.X, allow_pickle=False)
        return buffer.getvalue()

    def _column(self, index: int, name: str) -> list[Any]:
        if name in self.texts:
            return list(self.texts[name])
        values = self.X[:, index].tolist()
        if name in self.integers:
            return [None if math.isnan(value) else int(value) for value in values]
        return [None if math.isnan(value) else value for value in values]
