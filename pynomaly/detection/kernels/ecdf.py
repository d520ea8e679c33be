"""Tail probabilities of each column under its training distribution: ECOD and COPOD, a search and a table look-up.

For a row x, PyOD called with that row alone appends x to the N training rows: P(X <= x) = (c + 1) / (N + 1), where c
of the training values are at most x; and the right tail likewise. `logs[c]` is the -log of that.

Column j has the run starts[j] : starts[j + 1] of `values` and `below`: its distinct training values, ascending, then
SENTINEL; and how many training rows are smaller than each. A grid of equal cells over the column's range, twice as
many as it has values, narrows the search to one cell: its values begin at grid[2 * starts[j] + g], counted from
starts[j], and end where those of the next begin.
The last steps of the search are of a fixed number and without branches, so that those of many rows overlap.
Indices are unsigned where speed counts: numba else looks whether they count from the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import (
    BOOL,
    INT32S,
    INT64S,
    MATRIX,
    OUT,
    ROWS,
    VECTOR,
    all_usable,
    compiled,
    part,
)

ROWS_PER_BLOCK = 256
FAR = 1e50


@part
def find(
    x: Any, values: Any, low: Any, per_unit: Any, first: Any, most: Any, grid: Any, steps: Any
) -> Any:  # pragma: no cover - compiled
    """The least index in a column's run whose value is not below x; at most that of the sentinel."""
    cell = 2 * first + np.int64(min(max((x - low) * per_unit, 0.0), most))
    begin = first + grid[np.uint64(cell)]
    length = first + grid[np.uint64(cell + 1)] - begin
    for _ in range(steps):
        half = length >> 1
        is_below = np.int64(values[np.uint64(begin + half)] < x)
        begin += (half + 1) * is_below
        length = half - (
            is_below & ~length
        )  # what is left above the middle is one less if the length is even
    return begin


@part
def skew_sign(x: Any, moments: Any) -> Any:  # pragma: no cover - compiled
    """Sign of the skewness of training column and x together; 0 if all values are the same but for rounding.

    With t = (x - mean) * scale: the sum of cubes about the new mean is
    S3 - 3 S2 t / (N + 1) + t^3 N (N - 1) / (N + 1)^2, that of squares S2 + t^2 N / (N + 1).
    `moments` has mean, scale, S3, the factors of t and t^3, S2, the factor of t^2, and the least sum of squares that
    counts.
    """
    mean, scale, cubes, of_t, of_cube, squares, of_square, least = moments
    t = (x - mean) * scale
    if squares + of_square * t * t <= least:
        return 0
    if abs(t) > FAR:
        return 1 if t > 0 else -1
    third = cubes - of_t * t + of_cube * t * t * t
    return np.int64(third > 0) - np.int64(third < 0)


@compiled(ROWS, VECTOR, INT32S, INT64S, INT32S, VECTOR, INT64S, MATRIX, VECTOR, BOOL, OUT)
def score_tails(
    rows: Any,
    values: Any,
    below: Any,
    starts: Any,
    grid: Any,
    per_unit: Any,
    steps: Any,
    moments: Any,
    logs: Any,
    copula: Any,
    scores: Any,
) -> bool:  # pragma: no cover - compiled
    """scores = sum over columns of ECOD's (or COPOD's, if `copula`) tail scores."""
    n_rows, n_columns = rows.shape
    n_train = len(logs) - 1
    for begin in range(0, n_rows, ROWS_PER_BLOCK):
        end = min(begin + ROWS_PER_BLOCK, n_rows)
        if not all_usable(rows, begin, end):
            return False
        scores[begin:end] = 0.0
        for j in range(n_columns):
            first, most = starts[j], np.float64(2 * (starts[j + 1] - starts[j]) - 3)
            low, of_column, steps_here = values[first], per_unit[j], steps[j]
            mean, scale, cubes, of_t, of_cube, squares, of_square, least = moments[j]
            for row in range(begin, end):
                x = rows[row, j]
                at = find(x, values, low, of_column, first, most, grid, steps_here)
                smaller = np.int64(below[np.uint64(at)])
                at_most = np.int64(below[np.uint64(at + np.int64(values[np.uint64(at)] == x))])
                at_least = n_train - smaller
                sign = skew_sign(x, (mean, scale, cubes, of_t, of_cube, squares, of_square, least))
                if sign == 0:
                    scores[row] += logs[np.uint64(at_most)] + logs[np.uint64(at_least)]
                elif copula:
                    left, right = logs[np.uint64(at_most)], logs[np.uint64(at_least)]
                    scores[row] += max(left if sign < 0 else right, (left + right) / 2)
                else:
                    scores[row] += logs[np.uint64(min(at_most, at_least))]
    return True
