"""A table as it was read, before it is known to be fit for a test: columns of numbers or of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.datasets.base import LABEL
from pynomaly_itest.differences import clipped
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import did_you_mean

MAX_EXACT = 2**53
"""Beyond it float64 holds not every whole number."""


def inexact(place: str, name: str, value: int | str) -> UsageError:
    """The refusal of a whole number that would become another."""
    return UsageError(
        f"{place}: {clipped(str(value), 40)} in column {name!r} is beyond 2^53 and would be rounded",
        hint="if it is an identifier, store it as text (in csv: with a letter before it) or leave the column out",
    )


@dataclass
class Table:
    """Columns in order. `numbers`: (n,) float64 a name, NaN where missing; `texts`: n texts a name.

    `integers`: the columns of whole numbers, by their type or as they are written. `row_place` says where a row stands,
    for messages: `data.csv:17`.
    """

    file: str
    names: list[str]
    rows: int
    numbers: dict[str, Any]
    texts: dict[str, Sequence[str]] = field(default_factory=dict)
    first_line: int | None = None
    lines: Sequence[int] | None = None
    own_labels: Any = None
    integers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        import numpy as np

        if self.rows == 0:
            raise UsageError(f"{self.file} has no rows", hint="a dataset needs at least one row of values")
        self.kept = np.arange(self.rows)

    def row_place(self, row: int) -> str:
        """The file, and the line or the row (counted from 0) that is meant."""
        return f"{self.file}:{self.lines[row]}" if self.lines is not None else f"{self.file}, row {row}"

    def take_labels(self, label: str | int | None) -> Any:
        """(n,) int64 labels, taken out of the columns; None where there are none. Raises UsageError."""
        if label is None:
            return self._own_labels()
        name = self._label_name(label)
        if name is None:  # an npz' own y, asked for by name
            return self._as_labels(self.own_labels, "y")
        if len(self.names) == 1:
            raise UsageError(f"{self.file} has no column besides the label {name!r}")
        labels = self._as_labels(self._label_values(name), name)
        self._drop(name)
        return labels

    def _own_labels(self) -> Any:
        """Labels that nobody named: an npz' y, or a column called `label` that holds nothing but labels."""
        if self.own_labels is not None:
            return self._as_labels(self.own_labels, "y")
        if LABEL not in self.names or len(self.names) == 1:
            return None
        try:
            labels = self._as_labels(self._label_values(LABEL), LABEL)
        except UsageError:
            return None
        self._drop(LABEL)
        return labels

    def _label_values(self, name: str) -> Any:
        return _truths(self.texts[name], self, name) if name in self.texts else self.numbers[name]

    def _drop(self, name: str) -> None:
        self.names.remove(name)
        self.texts.pop(name, None)
        self.numbers.pop(name, None)

    def settle_missing(self, how: str) -> None:
        """Refuse, drop or keep rows in which a number is missing; infinite numbers are always refused."""
        import numpy as np

        for name, values in self.numbers.items():
            infinite = np.flatnonzero(np.isinf(values))
            if len(infinite):
                place = self.row_place(int(infinite[0]))
                raise UsageError(
                    f"{place}: {name!r} is infinite", hint="replace it by a number, or leave it out"
                )
        if how == "keep" or not self.numbers:
            return
        missing = np.isnan(np.column_stack(list(self.numbers.values())))
        if not missing.any():
            return
        if how == "refuse":
            row, column = (int(where[0]) for where in np.nonzero(missing))
            name = list(self.numbers)[column]
            raise UsageError(
                f"{self.row_place(row)}: {name!r} has no number ({int(missing.any(axis=1).sum())} rows lack one)",
                hint="fill it in, or say 'missing: drop' or 'missing: keep' in the dataset",
            )
        self.kept = np.flatnonzero(~missing.any(axis=1))
        if not len(self.kept):
            raise UsageError(f"{self.file}: every row lacks a number: none is left")

    def matrix(self) -> Any:
        """(n, d) float64 of the rows kept, text columns as the index among their sorted distinct texts."""
        import numpy as np

        columns = [
            np.unique(np.asarray(self.texts[name]), return_inverse=True)[1].astype(np.float64)
            if name in self.texts
            else self.numbers[name]
            for name in self.names
        ]
        return np.ascontiguousarray(np.column_stack(columns)[self.kept], dtype=np.float64)

    def names_beside(self, taken: str) -> tuple[str, ...]:
        """The feature names; one that equals the name of the labels' column gets `_feature` behind it."""
        return tuple(f"{name}_feature" if name == taken else name for name in self.names)

    def texts_beside(self, taken: str) -> Mapping[str, Sequence[str]]:
        """The text columns of the rows kept, under the same names."""
        renamed = dict(zip(self.names, self.names_beside(taken), strict=True))
        return {
            renamed[name]: [values[row] for row in self.kept.tolist()] for name, values in self.texts.items()
        }

    def integers_beside(self, taken: str) -> frozenset[str]:
        """The columns of whole numbers, under the same names."""
        renamed = dict(zip(self.names, self.names_beside(taken), strict=True))
        return frozenset(renamed[name] for name in self.names if name in self.integers)

    def _label_name(self, label: str | int) -> str | None:
        if isinstance(label, int) or (label not in self.names and label.lstrip("-").isdecimal()):
            number = int(label)
            if -len(self.names) <= number < len(self.names):
                return self.names[number]
            raise UsageError(f"{self.file} has {len(self.names)} columns: {number} is none of them")
        if label in self.names:
            return label
        if self.own_labels is not None and label in ("y", "label"):
            return None
        raise UsageError(
            f"{self.file} has no column {label!r} for the labels", hint=did_you_mean(label, self.names)
        )

    def _as_labels(self, values: Any, name: str) -> Any:
        import numpy as np

        if len(values) != self.rows:
            what = f"{self.file}: {name!r} has {len(values)} labels for {self.rows} rows"
            raise UsageError(what, hint="each row needs one: 1 where it is an anomaly, else 0")
        if np.asarray(values).dtype.kind == "U":
            values = _truths([str(value) for value in values], self, name)
        found = set(np.unique(values).tolist())
        if found <= {0, 1}:
            return np.asarray(values).astype(np.int64)
        if found <= {-1, 1}:
            return (np.asarray(values) == -1).astype(np.int64)
        row = next(row for row, value in enumerate(values) if value not in (0, 1))
        raise UsageError(
            f"{self.row_place(row)}: the label {values[row]!s} in {name!r} is neither 0 nor 1",
            hint="1 marks an anomaly; true/false, normal/anomaly and scikit-learn's 1/-1 are understood too",
        )


_TRUTHS = {
    **dict.fromkeys(("0", "false", "no", "n", "normal", "inlier"), 0.0),
    **dict.fromkeys(("1", "true", "yes", "y", "anomaly", "outlier"), 1.0),
}


def _truths(texts: Sequence[str], table: Table, name: str) -> Any:
    import numpy as np

    known = _TRUTHS
    for row, text in enumerate(texts):
        if text.strip().lower() not in known:
            raise UsageError(
                f"{table.row_place(row)}: the label {text[:40]!r} in {name!r} is neither 0 nor 1",
                hint="1 marks an anomaly; true/false, normal/anomaly and scikit-learn's 1/-1 are understood too",
            )
    return np.array([known[text.strip().lower()] for text in texts])
