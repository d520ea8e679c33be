"""A fitted detector as it is served: plain arrays and a pure function of them, never written to after it is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pynomaly.detection.parameters import ParameterValue
from pynomaly.domain.errors import DimensionMismatch, InvalidInput, NonFiniteValues

Floats: TypeAlias = NDArray[np.float64]
Arrays: TypeAlias = Mapping[str, NDArray[Any]]

# Values beyond LARGEST are refused like infinite ones, training columns that vary by less than SMALLEST_SPREAD as
# well: between them squares of standardised values are finite.
LARGEST = 1e75
SMALLEST_SPREAD = 1e-75

_FLOAT64 = np.dtype(np.float64)


class Scorer(Protocol):
    """Writes the score of each row of `rows` (n, d) into `scores` (n,).

    Returns False, with `scores` undefined, if a value of `rows` is NaN, infinite or beyond LARGEST.
    """

    def __call__(self, rows: Floats, scores: Floats, /) -> bool: ...


@dataclass(frozen=True, slots=True, eq=False)
class FrozenModel:
    """A fitted detector. Safe to score from many threads at once; each row's score is independent of its batch.

    `threshold`: a row is an anomaly if its score is above it (`thresholds.py` says how it is chosen). `arrays` are
    read-only and, with `parameters`, all there is to store.
    """

    algorithm: str
    n_features: int
    contamination: float
    threshold: float
    parameters: Mapping[str, ParameterValue]
    arrays: Arrays = field(repr=False)
    scorer: Scorer = field(repr=False)

    def score(self, X: ArrayLike) -> Floats:
        """Anomaly scores. X: (n_samples, n_features) real numbers; returns (n_samples,) float64, higher is more
        anomalous; raises DimensionMismatch for another width, NonFiniteValues for NaN or infinity."""
        rows = X if _is_plain(X) else as_rows(X)
        if rows.shape[1] != self.n_features:
            raise DimensionMismatch(
                f"the rows have {rows.shape[1]} columns, the model was fitted on {self.n_features}",
                hint=f"send {self.n_features} values a row",
            )
        scores = np.empty(rows.shape[0])
        if not self.scorer(rows, scores):
            raise non_finite(rows)
        return scores

    def labels(self, scores: Floats) -> NDArray[np.int8]:
        """1 where a score is above the threshold, else 0. scores: (n_samples,); returns (n_samples,) int8."""
        return np.asarray(scores > self.threshold).astype(np.int8)

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take in memory."""
        return sum(array.nbytes for array in self.arrays.values())


def _is_plain(X: Any) -> TypeGuard[Floats]:
    """Whether X can go to a kernel as it is: the common case, told apart in a fraction of a microsecond."""
    return (
        type(X) is np.ndarray
        and X.dtype is _FLOAT64
        and X.ndim == 2
        and X.flags.c_contiguous
        and X.flags.aligned
    )


def as_rows(X: ArrayLike) -> Floats:
    """X as (n_samples, n_features) float64, C-contiguous; raises InvalidInput for what is no matrix of numbers."""
    try:
        given = np.asarray(X)
    except ValueError as error:  # rows of different lengths
        raise DimensionMismatch("the rows have different lengths", hint="send a rectangular table") from error
    if given.ndim != 2:
        raise DimensionMismatch(
            f"a table has 2 dimensions, this has {given.ndim}", hint="send a list of rows"
        )
    if given.dtype.kind not in "fiub":
        raise InvalidInput(f"values of type {given.dtype} are no numbers", hint="send numbers")
    rows = np.require(given, dtype=np.float64, requirements=["C", "A"])
    # Numbers beyond float64 (a long double) become infinite here, and the finiteness check tells.
    return np.asarray(rows)


def all_usable(rows: Floats) -> bool:
    """Whether every value is a number no larger than LARGEST."""
    return bool((np.abs(rows) <= LARGEST).all())


def non_finite(rows: Floats) -> NonFiniteValues:
    """The refusal that names the first NaN, infinite or far too large value of `rows`, counted from 0."""
    row, column = np.argwhere(~(np.abs(rows) <= LARGEST))[0]
    value = rows[row, column]
    if math.isnan(value):
        problem, hint = "NaN", "fill or drop missing values"
    elif math.isinf(value):
        problem, hint = "infinite", "replace it by a number, or drop its row"
    else:
        problem = f"{value:.3g}, beyond {LARGEST:g}"
        hint = "divide the column by a constant, or take its logarithm: squares of such values overflow"
    return NonFiniteValues(
        f"the value in row {row}, column {column} (counted from 0) is {problem}", hint=hint
    )


def freeze_arrays(arrays: Arrays) -> Arrays:
    """The same arrays, contiguous and read-only, behind a read-only mapping."""
    frozen = {}
    for name, array in arrays.items():
        contiguous = np.require(array, requirements=["C", "A"])
        view = contiguous.view()
        view.flags.writeable = False
        frozen[name] = view
    return MappingProxyType(frozen)
