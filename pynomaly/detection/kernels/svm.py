"""One-class SVM: kernel values with the support vectors, many lanes at a time, by an exponential of our own."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import (
    FLOAT,
    INT,
    MATRIX,
    OUT,
    ROWS,
    VECTOR,
    all_usable,
    compiled,
    part,
    reordered_part,
)

BLOCK = 128
RBF, POLY, SIGMOID = 0, 1, 2
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
MOST = np.finfo(np.float64).max
SMALLEST = -708.0  # exp of less is no normal number: taken for 0


@part
def exponential(x: Any) -> Any:  # pragma: no cover - compiled
    """exp(x) for x <= 0 to within 2 units in the last place: 2**n times a Taylor sum on |r| <= ln(2) / 2."""
    bounded = max(x, SMALLEST)
    n = np.rint(bounded * LOG2_E)
    r = (bounded - n * LN2_HIGH) - n * LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    power = np.int64((np.int64(n) + 1023) << 52).view(np.float64)
    return p * power if x >= SMALLEST else 0.0


@reordered_part
def weighted_sum(values: Any, weights: Any, begin: Any) -> Any:  # pragma: no cover - compiled
    """Sum of values (BLOCK,) times weights[begin : begin + BLOCK]."""
    total = 0.0
    for i in range(BLOCK):
        total += values[i] * weights[begin + i]
    return total


@part
def squared_distances(row: Any, vectors: Any, begin: Any, values: Any) -> None:  # pragma: no cover - compiled
    """values (BLOCK,) = squared distances of row to the vectors (d, m) from `begin`."""
    values[:] = 0.0
    for k in range(vectors.shape[0]):
        x = row[k]
        for i in range(BLOCK):
            difference = x - vectors[k, begin + i]
            values[i] += difference * difference


@part
def dot_products(row: Any, vectors: Any, begin: Any, values: Any) -> None:  # pragma: no cover - compiled
    """values (BLOCK,) = dot products of row with the vectors (d, m) from `begin`."""
    values[:] = 0.0
    for k in range(vectors.shape[0]):
        x = row[k]
        for i in range(BLOCK):
            values[i] += x * vectors[k, begin + i]


@compiled(ROWS, MATRIX, VECTOR, INT, FLOAT, FLOAT, INT, FLOAT, OUT)
def score_svm(
    rows: Any,
    vectors: Any,
    weights: Any,
    kind: Any,
    gamma: Any,
    coef0: Any,
    degree: Any,
    offset: Any,
    scores: Any,
) -> bool:  # pragma: no cover - compiled
    """scores = offset - sum of weights times the kernel of row and vector; vectors (d, m), m a multiple of BLOCK."""
    n_rows = rows.shape[0]
    if not all_usable(rows, 0, n_rows):
        return False
    values = np.empty(BLOCK)
    for row in range(n_rows):
        total = 0.0
        for begin in range(0, vectors.shape[1], BLOCK):
            if kind == RBF:
                squared_distances(rows[row], vectors, begin, values)
                for i in range(BLOCK):
                    values[i] = exponential(-gamma * values[i])
            else:
                dot_products(rows[row], vectors, begin, values)
                for i in range(BLOCK):
                    inner = gamma * values[i] + coef0
                    values[i] = inner**degree if kind == POLY else np.tanh(inner)
            total += weighted_sum(values, weights, begin)
        score = offset - total
        scores[row] = score if abs(score) <= MOST else MOST  # a polynomial of a far-off row overflows
    return True
