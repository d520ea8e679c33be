"""What ECOD and COPOD share: the frozen distribution of each column, and the tables its look-up is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import Arrays, Floats, Scorer


def freeze_columns(X: Floats) -> Arrays:
    """The distinct values of each column, how many rows are below each, and the column's moments.

    values (m,), below (m + d,), starts (d + 1,) and moments (d, 8) as `kernels.ecdf` says, m distinct values in all.
    """
    columns = [np.unique(X[:, j], return_counts=True) for j in range(X.shape[1])]
    below = [np.concatenate([[0], np.cumsum(counts)]) for _, counts in columns]
    return {
        "values": np.concatenate([values for values, _ in columns]),
        "below": np.concatenate(below).astype(np.int32),
        "starts": np.cumsum([0, *(len(values) for values, _ in columns)], dtype=np.int64),
        "moments": np.stack([_moments(X[:, j]) for j in range(X.shape[1])]),
    }


def verify_columns(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are frozen columns."""
    require_arrays(arrays, values="f8/1", below="i4/1", starts="i8/1", moments="f8/2")
    values, below, starts = arrays["values"], arrays["below"], arrays["starts"]
    require(arrays["moments"].shape == (n_features, 8) and (arrays["moments"][:, 1] > 0).all(), "moments")
    require(len(starts) == n_features + 1 and len(below) == len(values) + n_features, "lengths differ")
    require(starts[0] == 0 and starts[-1] == len(values) and (np.diff(starts) > 0).all(), "'starts'")
    n_train = below[-1]
    for j in range(n_features):
        column = values[starts[j] : starts[j + 1]]
        counts = below[starts[j] + j : starts[j + 1] + j + 1]
        require((np.diff(column) > 0).all() and (np.diff(counts) > 0).all(), "a column is not ascending")
        require(counts[0] == 0 and counts[-1] == n_train, "a column counts other rows")


def tails_scorer(arrays: Arrays, *, copula: bool) -> Scorer:
    """ECOD's score of each row, or COPOD's if `copula`."""
    from pynomaly.detection.kernels.ecdf import score_tails

    values, below, starts, moments = (arrays[name] for name in ("values", "below", "starts", "moments"))
    grid, per_unit = _grid(values, starts)
    n_train = int(below[-1])
    logs = -np.log(np.arange(1, n_train + 2) / (n_train + 1))

    def score(rows: Floats, scores: Floats) -> bool:
        return score_tails(rows, values, below, starts, grid, per_unit, moments, logs, copula, scores)

    return score


def _moments(column: Floats) -> Floats:
    """The row of `moments` of one column, in units of its largest deviation so that nothing overflows."""
    n_train = len(column)
    mean = float(column.mean())
    deviations = column - mean
    scale = float(np.abs(deviations).max()) or 1.0
    deviations = deviations / scale
    squares, cubes = float((deviations**2).sum()), float((deviations**3).sum())
    with_x = n_train + 1
    # scipy's rule: a standard deviation below the mean's rounding error is none at all
    least = with_x * (np.finfo(np.float64).eps * mean / scale) ** 2
    return np.array(
        [mean, scale, cubes, 3 * squares / with_x, n_train * (n_train - 1) / with_x**2, squares, n_train / with_x, least]
    )


def _grid(values: Floats, starts: NDArray[np.int64]) -> tuple[NDArray[np.int32], Floats]:
    """As many equal cells a column as it has distinct values, and how many cells make a unit of the column."""
    grids: list[NDArray[Any]] = []
    per_unit = np.zeros(len(starts) - 1)
    for j in range(len(per_unit)):
        column = values[starts[j] : starts[j + 1]]
        width = column[-1] - column[0]
        per_unit[j] = len(column) / width if width > 0 and np.isfinite(len(column) / width) else 0.0
        cells = np.minimum(((column - column[0]) * per_unit[j]).astype(np.int64), len(column) - 1)
        grids.append(np.searchsorted(cells, np.arange(len(column) + 1)))
    return np.concatenate(grids).astype(np.int32), per_unit
