"""PCA, MCD and CBLOF: distances to a few points, or by a matrix.

Rows are taken WIDTH at a time and turned on their side, so that one instruction serves several of them. No sum is
reordered or fused: a row alone gives the same bits as a row among others.
"""

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
)

WIDTH = 128
MOST = np.finfo(np.float64).max
FEW = 8  # below, turning the rows costs more than it saves


@part
def add_squared_distances(row: Any, points: Any, squares: Any) -> None:  # pragma: no cover - compiled
    """squares (m,) = squared Euclidean distances of row (d,) to points (d, m)."""
    squares[:] = 0.0
    for k in range(points.shape[0]):
        x = row[k]
        for i in range(points.shape[1]):
            difference = x - points[k, i]
            squares[i] += difference * difference


@part
def turn(
    rows: Any, begin: Any, width: Any, means: Any, deviations: Any, sideways: Any
) -> None:  # pragma: no cover - compiled
    """sideways (d, WIDTH) = `width` standardised rows from `begin`, by column."""
    for k in range(rows.shape[1]):
        mean, deviation = means[k], deviations[k]
        for r in range(width):
            sideways[k, r] = (rows[begin + r, k] - mean) / deviation


@part
def squares_across(
    sideways: Any, width: Any, point: Any, squares: Any
) -> None:  # pragma: no cover - compiled
    """squares (width,) = squared distances of the rows to one point (d,)."""
    squares[:width] = 0.0
    for k in range(len(point)):
        c = point[k]
        for r in range(width):
            difference = sideways[k, r] - c
            squares[r] += difference * difference


@part
def products_across(
    sideways: Any, width: Any, weights: Any, products: Any
) -> None:  # pragma: no cover - compiled
    """products (width,) = dot products of the rows with weights (d,)."""
    products[:width] = 0.0
    for k in range(len(weights)):
        c = weights[k]
        for r in range(width):
            products[r] += sideways[k, r] * c


@part
def components_one_by_one(rows: Any, plan: Any, scores: Any) -> None:  # pragma: no cover - compiled
    """`score_components` of few rows: the same sums in the same order."""
    n_columns, n_lanes = rows.shape[1], plan.shape[1] - 2
    squares = np.empty(n_lanes)
    for row in range(len(rows)):
        squares[:] = 0.0
        for k in range(n_columns):
            x = (rows[row, k] - plan[k, n_lanes]) / plan[k, n_lanes + 1]
            for j in range(n_lanes):
                difference = x - plan[k, j]
                squares[j] += difference * difference
        for j in range(n_lanes):
            squares[j] = np.sqrt(squares[j])
        total = 0.0
        for j in range(n_lanes):
            total += squares[j] * plan[n_columns, j]
        scores[row] = total


@compiled(ROWS, MATRIX, OUT)
def score_components(rows: Any, plan: Any, scores: Any) -> bool:  # pragma: no cover - compiled
    """scores = sum over components of the standardised row's distance to it, times its weight.

    plan (d + 1, m + 2): the m components by column, padded; then the columns' means and deviations; below each
    component its weight, 0 in the padding. One array, because handing each of them over costs as much as a tenth of
    the score of one row.
    """
    n_rows, n_columns = rows.shape
    if n_rows < FEW:
        if not all_usable(rows, 0, n_rows):
            return False
        components_one_by_one(rows, plan, scores)
        return True
    n_lanes = plan.shape[1] - 2
    means, deviations = plan[:, n_lanes], plan[:, n_lanes + 1]
    sideways, across, totals = np.empty((n_columns, WIDTH)), np.empty(WIDTH), np.empty(WIDTH)
    for begin in range(0, n_rows, WIDTH):
        width = min(WIDTH, n_rows - begin)
        if not all_usable(rows, begin, begin + width):
            return False
        turn(rows, begin, width, means, deviations, sideways)
        totals[:] = 0.0
        for j in range(n_lanes):
            weight = plan[n_columns, j]
            if weight == 0.0:  # padding, which would add nothing
                continue
            squares_across(sideways, width, plan[:n_columns, j], across)
            for r in range(width):
                totals[r] += np.sqrt(across[r]) * weight
        scores[begin : begin + width] = totals[:width]
    return True


@part
def projections_one_by_one(rows: Any, plan: Any, scores: Any) -> None:  # pragma: no cover - compiled
    """`score_projections` of few rows: the same sums in the same order."""
    n_columns, n_lanes = rows.shape[1], plan.shape[1] - 2
    products = np.empty(n_lanes)
    for row in range(len(rows)):
        products[:] = 0.0
        for k in range(n_columns):
            x = (rows[row, k] - plan[k, n_lanes]) / plan[k, n_lanes + 1]
            for j in range(n_lanes):
                products[j] += x * plan[k, j]
        total = 0.0
        for j in range(n_lanes):
            total += products[j] * products[j] * plan[n_columns, j]
        scores[row] = min(total, MOST)


@compiled(ROWS, MATRIX, OUT)
def score_projections(rows: Any, plan: Any, scores: Any) -> bool:  # pragma: no cover - compiled
    """scores = sum over axes of the standardised row's squared projection on it, times its weight.

    plan: as `score_components` takes it, with axes for components.
    """
    n_rows, n_columns = rows.shape
    if n_rows < FEW:
        if not all_usable(rows, 0, n_rows):
            return False
        projections_one_by_one(rows, plan, scores)
        return True
    n_lanes = plan.shape[1] - 2
    means, deviations = plan[:, n_lanes], plan[:, n_lanes + 1]
    sideways, across, totals = np.empty((n_columns, WIDTH)), np.empty(WIDTH), np.empty(WIDTH)
    for begin in range(0, n_rows, WIDTH):
        width = min(WIDTH, n_rows - begin)
        if not all_usable(rows, begin, begin + width):
            return False
        turn(rows, begin, width, means, deviations, sideways)
        totals[:] = 0.0
        for j in range(n_lanes):
            weight = plan[n_columns, j]
            if weight == 0.0:  # padding, which would add nothing
                continue
            products_across(sideways, width, plan[:n_columns, j], across)
            for r in range(width):
                totals[r] += across[r] * across[r] * weight
        for r in range(width):
            scores[begin + r] = min(totals[r], MOST)
    return True


@part
def mahalanobis_one_by_one(
    rows: Any, location: Any, deviations: Any, by_column: Any, scores: Any
) -> None:  # pragma: no cover - compiled
    """`score_mahalanobis` of few rows: the same sums in the same order."""
    products, standard = np.empty(by_column.shape[1]), np.empty(rows.shape[1])
    for row in range(len(rows)):
        products[:] = 0.0
        for k in range(rows.shape[1]):
            x = standard[k] = (rows[row, k] - location[k]) / deviations[k]
            for i in range(len(products)):
                products[i] += x * by_column[k, i]
        total = 0.0
        for k in range(rows.shape[1]):
            total += standard[k] * products[k]
        scores[row] = total


@compiled(ROWS, VECTOR, VECTOR, MATRIX, MATRIX, OUT)
def score_mahalanobis(
    rows: Any, location: Any, deviations: Any, precision: Any, by_column: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = z' precision z, where z = (x - location) / deviations.

    precision (d, d); by_column (d, >= d): the same, padded.
    """
    n_rows, n_columns = rows.shape
    if n_rows < FEW:
        if not all_usable(rows, 0, n_rows):
            return False
        mahalanobis_one_by_one(rows, location, deviations, by_column, scores)
        return True
    sideways, across, totals = np.empty((n_columns, WIDTH)), np.empty(WIDTH), np.empty(WIDTH)
    for begin in range(0, n_rows, WIDTH):
        width = min(WIDTH, n_rows - begin)
        if not all_usable(rows, begin, begin + width):
            return False
        turn(rows, begin, width, location, deviations, sideways)
        totals[:] = 0.0
        for k in range(n_columns):
            products_across(sideways, width, precision[k], across)
            for r in range(width):
                totals[r] += sideways[k, r] * across[r]
        scores[begin : begin + width] = totals[:width]
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
def score_hyperplane(
    rows: Any, weights: Any, offset: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
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
