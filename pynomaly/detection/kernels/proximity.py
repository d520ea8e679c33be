"""What k nearest neighbours, LOF and ABOD make of a row's neighbours: once searching them, once given them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import (
    BLOCKS,
    FLOAT,
    INT,
    INT32_MATRIX,
    INT32S,
    INT64_MATRIX,
    MATRIX,
    OUT,
    ROWS,
    VECTOR,
    all_usable,
    compiled,
    part,
)
from pynomaly.detection.kernels.neighbours import BLOCK, find_nearest, find_neighbours

MOST = np.finfo(np.float64).max


@part
def distance_score(nearest: Any, k: Any, method: Any) -> Any:  # pragma: no cover - compiled
    """The largest (method 0), mean (1) or median (2) of the k distances; nearest: their squares, ascending."""
    if method == 0:
        return np.sqrt(nearest[k - 1])
    if method == 1:
        total = 0.0
        for i in range(k):
            total += np.sqrt(nearest[i])
        return total / k
    return (np.sqrt(nearest[(k - 1) // 2]) + np.sqrt(nearest[k // 2])) / 2


@part
def density_score(
    nearest: Any, indices: Any, k: Any, reaches: Any, densities: Any
) -> Any:  # pragma: no cover - compiled
    """Mean reachability density of the neighbours over the row's own."""
    reach = density = 0.0
    for i in range(k):
        reach += max(np.sqrt(nearest[i]), reaches[indices[i]])
        density += densities[indices[i]]
    own = 1.0 / (reach / k + 1e-10)
    return density / k / own


@part
def angle_score(
    row: Any, nearest: Any, indices: Any, k: Any, points: Any, no_angle: Any, cosines: Any
) -> Any:  # pragma: no cover - compiled
    """-(variance of the distance-weighted cosines between pairs of neighbours); `no_angle` if the row is on them."""
    n_angles = 0
    mean = 0.0
    for i in range(k):
        for j in range(i + 1, k):
            if nearest[i] == 0.0 or nearest[j] == 0.0:
                continue
            a, b = points[indices[i]], points[indices[j]]
            dot = 0.0
            for column in range(len(row)):
                dot += (a[column] - row[column]) * (b[column] - row[column])
            cosines[n_angles] = dot / nearest[i] / nearest[j]
            mean += cosines[n_angles]
            n_angles += 1
    if n_angles == 0:
        return no_angle
    mean /= n_angles
    variance = 0.0
    for i in range(n_angles):
        variance += (cosines[i] - mean) ** 2
    return -min(variance / n_angles, MOST)


@compiled(ROWS, BLOCKS, INT32S, MATRIX, MATRIX, INT, INT, OUT)
def score_knn(
    rows: Any, blocks: Any, members: Any, lows: Any, highs: Any, k: Any, method: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = `distance_score` of each row's k nearest."""
    if not all_usable(rows, 0, len(rows)):
        return False
    to_boxes, squares = np.empty(len(blocks)), np.empty(BLOCK)
    nearest, indices = np.empty(k), np.empty(k, np.int32)
    for row in range(len(rows)):
        find_nearest(rows[row], blocks, members, lows, highs, to_boxes, squares, nearest, indices)
        scores[row] = distance_score(nearest, k, method)
    return True


@compiled(MATRIX, INT, OUT)
def knn_of_neighbours(nearest: Any, method: Any, scores: Any) -> bool:  # pragma: no cover - compiled
    """`score_knn`, the squared distances (n_rows, k) being known."""
    for row in range(len(nearest)):
        scores[row] = distance_score(nearest[row], nearest.shape[1], method)
    return True


@compiled(
    ROWS, BLOCKS, INT32S, MATRIX, MATRIX, MATRIX, INT32S, INT64_MATRIX, BLOCKS, VECTOR, VECTOR, INT, OUT
)
def score_lof(
    rows: Any,
    blocks: Any,
    members: Any,
    lows: Any,
    highs: Any,
    points: Any,
    order: Any,
    nodes: Any,
    bounds: Any,
    reaches: Any,
    densities: Any,
    k: Any,
    scores: Any,
) -> bool:  # pragma: no cover - compiled
    """scores = `density_score` of each row's neighbours.

    reaches (n,): each training point's distance to its k-th neighbour; densities (n,): its reachability density.
    """
    if not all_usable(rows, 0, len(rows)):
        return False
    to_boxes, squares = np.empty(len(blocks)), np.empty(BLOCK)
    near, which = np.empty(k + 1), np.empty(k + 1, np.int32)
    for row in range(len(rows)):
        x = rows[row]
        find_neighbours(
            x, blocks, members, lows, highs, points, order, nodes, bounds, to_boxes, squares, near, which
        )
        scores[row] = density_score(near, which, k, reaches, densities)
    return True


@compiled(MATRIX, INT32_MATRIX, VECTOR, VECTOR, OUT)
def lof_of_neighbours(
    nearest: Any, indices: Any, reaches: Any, densities: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """`score_lof`, the neighbours (n_rows, k) being known."""
    for row in range(len(nearest)):
        scores[row] = density_score(nearest[row], indices[row], nearest.shape[1], reaches, densities)
    return True


@compiled(ROWS, BLOCKS, INT32S, MATRIX, MATRIX, MATRIX, INT32S, INT64_MATRIX, BLOCKS, INT, FLOAT, OUT)
def score_abod(
    rows: Any,
    blocks: Any,
    members: Any,
    lows: Any,
    highs: Any,
    points: Any,
    order: Any,
    nodes: Any,
    bounds: Any,
    k: Any,
    no_angle: Any,
    scores: Any,
) -> bool:  # pragma: no cover - compiled
    """scores = `angle_score` of each row's neighbours."""
    if not all_usable(rows, 0, len(rows)):
        return False
    to_boxes, squares = np.empty(len(blocks)), np.empty(BLOCK)
    near, which = np.empty(k + 1), np.empty(k + 1, np.int32)
    cosines = np.empty(k * (k - 1) // 2)
    for row in range(len(rows)):
        x = rows[row]
        find_neighbours(
            x, blocks, members, lows, highs, points, order, nodes, bounds, to_boxes, squares, near, which
        )
        scores[row] = angle_score(x, near, which, k, points, no_angle, cosines)
    return True


@compiled(ROWS, MATRIX, INT32_MATRIX, MATRIX, FLOAT, OUT)
def abod_of_neighbours(
    rows: Any, nearest: Any, indices: Any, points: Any, no_angle: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """`score_abod`, the neighbours (n_rows, k) being known."""
    k = nearest.shape[1]
    cosines = np.empty(k * (k - 1) // 2)
    for row in range(len(rows)):
        scores[row] = angle_score(rows[row], nearest[row], indices[row], k, points, no_angle, cosines)
    return True
