"""Tail probabilities of each column under its training distribution: ECOD and COPOD, a search and a table look-up.

For a row x, PyOD called with that row alone appends x to the N training rows: P(X <= x) = (c + 1) / (N + 1), where c
of the training values are at most x; and the right tail likewise. `logs[c]` is the -log of that.

Column j's distinct training values are values[starts[j]:starts[j + 1]], ascending; below[starts[j] + j + i] tells how
many training rows are smaller than the i-th of them, and N after the last. A grid of equal cells over the column's
range narrows the search: the values of cell g of column j begin at grid[starts[j] + j + g], counted from starts[j].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import (
    BOOL,
    INT32S,
    INT64S,
    LARGEST,
    MATRIX,
    OUT,
    ROWS,
    VECTOR,
    compiled,
    part,
)


@part
def find(x: Any, values: Any, first: Any, last: Any, grid: Any, cells: Any, per_unit: Any) -> Any:  # pragma: no cover
    """The least index in first..last whose value is not below x: `last` if there is none."""
    if x <= values[first]:
        return first
    if x > values[last - 1]:
        return last
    cell = min(np.int64((x - values[first]) * per_unit), last - first - 1)
    begin = first + grid[cells + cell]
    end = first + grid[cells + cell + 1]
    while begin < end:
        middle = (begin + end) >> 1
        if values[middle] < x:
            begin = middle + 1
        else:
            end = middle
    return begin


@part
def skew_sign(x: Any, moments: Any, column: Any) -> Any:  # pragma: no cover - compiled
    """Sign of the skewness of training column and x together; 0 if all values are the same but for rounding.

    With t = (x - mean) / scale: the sum of cubes about the new mean is S3 - 3 S2 t / (N + 1) + t^3 N (N - 1) / (N + 1)^2,
    that of squares S2 + t^2 N / (N + 1). `moments` has mean, scale, S3, and the factors of t, t^3, S2, that of t^2,
    and the least sum of squares that counts.
    """
    t = (x - moments[column, 0]) / moments[column, 1]
    if moments[column, 5] + moments[column, 6] * t * t <= moments[column, 7]:
        return 0
    if abs(t) > 1e50:
        return 1 if t > 0 else -1
    third = moments[column, 2] - moments[column, 3] * t + moments[column, 4] * t * t * t
    return 1 if third > 0 else (-1 if third < 0 else 0)


@compiled(ROWS, VECTOR, INT32S, INT64S, INT32S, VECTOR, MATRIX, VECTOR, BOOL, OUT)
def score_tails(
    rows: Any,
    values: Any,
    below: Any,
    starts: Any,
    grid: Any,
    per_unit: Any,
    moments: Any,
    logs: Any,
    copula: Any,
    scores: Any,
) -> bool:  # pragma: no cover - compiled
    """scores = sum over columns of ECOD's (or COPOD's, if `copula`) tail scores."""
    n_rows, n_columns = rows.shape
    n_train = len(logs) - 1
    for row in range(n_rows):
        total = 0.0
        for j in range(n_columns):
            x = rows[row, j]
            if not (abs(x) <= LARGEST):
                return False
            first, last = starts[j], starts[j + 1]
            at = find(x, values, first, last, grid, first + j, per_unit[j])
            found = at < last and values[at] == x
            smaller = below[at + j]
            at_most = below[at + j + 1] if found else smaller
            left, right = logs[at_most], logs[n_train - smaller]
            sign = skew_sign(x, moments, j)
            if sign == 0:
                total += left + right
            elif copula:
                total += max(left if sign < 0 else right, (left + right) / 2)
            else:
                total += max(left, right)
        scores[row] = total
    return True
