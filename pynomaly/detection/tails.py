"""What ECOD and COPOD share: the frozen distribution of each column, and the tables its look-up is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import LARGEST, Arrays, Floats, Scorer

SENTINEL = 10 * LARGEST


def freeze_columns(X: Floats) -> Arrays:
    """The distinct values of each column, how many rows are below each, and the column's moments.

    values and below (m + d,), starts (d + 1,), moments (d, 8) as `kernels.ecdf` says; m distinct values in all.
    """
    columns = [np.unique(X[:, j], return_counts=True) for j in range(X.shape[1])]
    values = [np.append(distinct, SENTINEL) for distinct, _ in columns]
    below = [np.concatenate([[0], np.cumsum(counts)]) for _, counts in columns]
    return {
        "values": np.concatenate(values),
        "below": np.concatenate(below).astype(np.int32),
        "starts": np.cumsum([0, *map(len, values)], dtype=np.int64),
        "moments": np.stack([_moments(X[:, j]) for j in range(X.shape[1])]),
    }


def verify_columns(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are frozen columns."""
    require_arrays(arrays, values="f8/1", below="i4/1", starts="i8/1", moments="f8/2")
    values, below, starts = arrays["values"], arrays["below"], arrays["starts"]
    require(arrays["moments"].shape == (n_features, 8) and (arrays["moments"][:, 1] > 0).all(), "moments")
    require(len(starts) == n_features + 1 and len(below) == len(values), "lengths differ")
    require(starts[0] == 0 and starts[-1] == len(values) and (np.diff(starts) > 1).all(), "'starts'")
    n_train = below[-1]
    for j in range(n_features):
        column, counts = _run(values, starts, j), _run(below, starts, j)
        require((np.diff(column) > 0).all() and (np.diff(counts) > 0).all(), "a column is not ascending")
        require(
            column[-1] == SENTINEL and counts[0] == 0 and counts[-1] == n_train, "a column has other ends"
        )


def tails_scorer(arrays: Arrays, *, copula: bool) -> Scorer:
    """ECOD's score of each row, or COPOD's if `copula`."""
    from pynomaly.detection.kernels.ecdf import score_tails

    values, below, starts, moments = (arrays[name] for name in ("values", "below", "starts", "moments"))
    grid, per_unit, steps = _grids(values, starts)
    n_train = int(below[-1])
    logs = -np.log(np.arange(1, n_train + 2) / (n_train + 1))

    def score(rows: Floats, scores: Floats) -> bool:
        return score_tails(rows, values, below, starts, grid, per_unit, steps, moments, logs, copula, scores)

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
    of_cube, of_square = n_train * (n_train - 1) / with_x**2, n_train / with_x
    # scipy's rule: a standard deviation below the mean's rounding error is none at all
    least = with_x * (np.finfo(np.float64).eps * mean / scale) ** 2
    return np.array([mean, 1 / scale, cubes, 3 * squares / with_x, of_cube, squares, of_square, least])


def _grids(values: Floats, starts: NDArray[np.int64]) -> tuple[NDArray[np.int32], Floats, NDArray[np.int64]]:
    """Per column: two cells a distinct value, how many make a unit, and the steps of search in the fullest."""
    grid = np.zeros(2 * len(values), np.int32)
    n_columns = len(starts) - 1
    per_unit, steps = np.zeros(n_columns), np.zeros(n_columns, np.int64)
    for j in range(n_columns):
        column = _run(values, starts, j)[:-1]
        n_cells = 2 * len(column)
        width = column[-1] - column[0]
        per_unit[j] = n_cells / width if width > 0 and np.isfinite(n_cells / width) else 0.0
        cells = np.clip((column - column[0]) * per_unit[j], 0.0, n_cells - 1.0).astype(np.int64)
        begins = np.searchsorted(cells, np.arange(n_cells + 1))
        grid[2 * starts[j] : 2 * starts[j] + n_cells + 1] = begins
        steps[j] = int(np.diff(begins).max()).bit_length()
    return grid, per_unit, steps


def _run(array: NDArray[Any], starts: NDArray[np.int64], column: int) -> NDArray[Any]:
    return array[starts[column] : starts[column + 1]]
