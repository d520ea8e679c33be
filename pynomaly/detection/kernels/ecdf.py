"""Tail probabilities of each column under its training distribution: ECOD and COPOD, a search and a table look-up.

For a row x, PyOD called with that row alone appends x to the N training rows: P(X <= x) = (c + 1) / (N + 1), where c
of the training values are at most x; and the right tail likewise. `logs[c]` is the -log of that.

Column j has the run starts[j] : starts[j + 1] of `values` and `below`: its distinct training values, ascending, then
SENTINEL; and how many training rows are smaller than each. A grid of equal cells over the column's range narrows
the search to the values before and in one cell: those of cell g begin at grid[starts[j] + g], counted from starts[j].
The last steps of the search are of a fixed number and without branches, so that those of many rows overlap.
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


@part
def find(
    x: Any, values: Any, first: Any, size: Any, grid: Any, per_unit: Any, steps: Any
) -> Any:  # pragma: no cover
    """The least index in a column's run whose value is not below x; at most that of the sentinel."""
    cell = np.int64(min(max((x - values[first]) * per_unit, 0.0), size - 2.0))
    begin = first + grid[first + cell]
    length = first + grid[first + cell + 1] - begin
    for _ in range(steps):
        half = length >> 1
        is_below = values[begin + half] < x
        begin = begin + half + 1 if is_below else begin
        length = length - half - 1 if is_below else half
    return begin


@part
def skew_sign(x: Any, moments: Any, column: Any) -> Any:  # pragma: no cover - compiled
    """Sign of the skewness of training column and x together; 0 if all values are the same but for rounding.

    With t = (x - mean) * scale: the sum of cubes about the new mean is
    S3 - 3 S2 t / (N + 1) + t^3 N (N - 1) / (N + 1)^2, that of squares S2 + t^2 N / (N + 1).
    `moments` has mean, scale, S3, the factors of t and t^3, S2, the factor of t^2, and the least sum of squares that
    counts.
    """
    t = (x - moments[column, 0]) * moments[column, 1]
    if moments[column, 5] + moments[column, 6] * t * t <= moments[column, 7]:
        return 0
    if abs(t) > 1e50:
        return 1 if t > 0 else -1
    third = moments[column, 2] - moments[column, 3] * t + moments[column, 4] * t * t * t
    return 1 if third > 0 else (-1 if third < 0 else 0)


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
            first, size = starts[j], starts[j + 1] - starts[j]
            for row in range(begin, end):
                x = rows[row, j]
                at = find(x, values, first, size, grid, per_unit[j], steps[j])
                smaller = below[at]
                left = logs[below[at + 1] if values[at] == x else smaller]
                right = logs[n_train - smaller]
                sign = skew_sign(x, moments, j)
                side = left if sign < 0 else right
                other = (left + right) / 2 if copula else (right if sign < 0 else left)
                scores[row] += left + right if sign == 0 else max(side, other)
    return True
