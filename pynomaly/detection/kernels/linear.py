"""PCA, MCD and CBLOF: distances to a few points, or by a matrix, many lanes at a time.

The points are stored by column (d, m) and padded to whole registers, so that one vector instruction serves
several points; each row is computed in the same order whatever batch it comes in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import FLOAT, INT, MATRIX, OUT, ROWS, VECTOR, all_usable, compiled, part


@part
def add_squared_distances(row: Any, points: Any, squares: Any) -> None:  # pragma: no cover - compiled
    """squares (m,) = squared Euclidean distances of row (d,) to points (d, m)."""
    squares[:] = 0.0
    for k in range(points.shape[0]):
        x = row[k]
        for i in range(points.shape[1]):
            difference = x - points[k, i]
            squares[i] += difference * difference


@compiled(ROWS, VECTOR, VECTOR, MATRIX, VECTOR, OUT)
def score_components(
    rows: Any, means: Any, deviations: Any, components: Any, weights: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = sum over components of the standardised row's distance to it, times its weight."""
    n_rows, n_columns = rows.shape
    if not all_usable(rows, 0, n_rows):
        return False
    squares = np.empty(components.shape[1])
    standard = np.empty(n_columns)
    for row in range(n_rows):
        for k in range(n_columns):
            standard[k] = (rows[row, k] - means[k]) / deviations[k]
        add_squared_distances(standard, components, squares)
        for i in range(len(squares)):
            squares[i] = np.sqrt(squares[i]) * weights[i]
        total = 0.0
        for i in range(len(squares)):
            total += squares[i]
        scores[row] = total
    return True


@compiled(ROWS, VECTOR, MATRIX, OUT)
def score_mahalanobis(rows: Any, location: Any, precision: Any, scores: Any) -> bool:  # pragma: no cover - compiled
    """scores = (x - location)' precision (x - location); precision (d, m) is padded with zero columns."""
    n_rows, n_columns = rows.shape
    if not all_usable(rows, 0, n_rows):
        return False
    product = np.empty(precision.shape[1])
    for row in range(n_rows):
        product[:] = 0.0
        for k in range(n_columns):
            x = rows[row, k] - location[k]
            for i in range(len(product)):
                product[i] += x * precision[k, i]
        total = 0.0
        for k in range(n_columns):
            total += (rows[row, k] - location[k]) * product[k]
        scores[row] = total
    return True


@compiled(ROWS, MATRIX, INT, VECTOR, OUT)
def score_clusters(
    rows: Any, centers: Any, n_large: Any, weights: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = distance to the nearest large cluster's center (its own, if large), times its own cluster's weight.

    centers: (d, m) by column, the large clusters first; weights: (n_clusters,), n_clusters <= m.
    """
    n_rows = rows.shape[0]
    if not all_usable(rows, 0, n_rows):
        return False
    squares = np.empty(centers.shape[1])
    for row in range(n_rows):
        add_squared_distances(rows[row], centers, squares)
        nearest = 0
        for i in range(1, n_large):
            if squares[i] < squares[nearest]:
                nearest = i
        own = nearest
        for i in range(n_large, len(weights)):
            if squares[i] < squares[own]:
                own = i
        scores[row] = np.sqrt(squares[nearest]) * weights[own]
    return True


@compiled(ROWS, VECTOR, FLOAT, OUT)
def score_hyperplane(rows: Any, weights: Any, offset: Any, scores: Any) -> bool:  # pragma: no cover - compiled
    """scores = rows @ weights + offset."""
    n_rows, n_columns = rows.shape
    if not all_usable(rows, 0, n_rows):
        return False
    for row in range(n_rows):
        total = 0.0
        for k in range(n_columns):
            total += rows[row, k] * weights[k]
        scores[row] = total + offset
    return True
