"""Nearest neighbours: k nearest neighbours, LOF and ABOD.

The training points lie in blocks of BLOCK that are near each other, each with the box it fits in. A query measures
its distance to the boxes first, then to the points of the boxes that can still hold one of the k nearest. Within a
block the points are stored by column, so that one instruction serves several of them: with ten columns and more that
beats descending a tree, as no tree can leave out much there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import (
    FLOAT,
    INT,
    INT32S,
    MATRIX,
    OUT,
    ROWS,
    VECTOR,
    all_usable,
    compiled,
    part,
    readonly,
)
from pynomaly.detection.kernels.ties import search_tree

BLOCK = 64
FIRST_LOOKS = 3
MOST = np.finfo(np.float64).max
BLOCKS = readonly(FLOAT, 3)
INT64_MATRIX = readonly(INT, 2)


@part
def box_distances(row: Any, lows: Any, highs: Any, to_boxes: Any) -> None:  # pragma: no cover - compiled
    """to_boxes (n_blocks,) = squared distance of row (d,) to each box; lows and highs (d, n_blocks)."""
    to_boxes[:] = 0.0
    for k in range(lows.shape[0]):
        x = row[k]
        for i in range(lows.shape[1]):
            outside = max(lows[k, i] - x, x - highs[k, i], 0.0)
            to_boxes[i] += outside * outside


@part
def point_distances(row: Any, block: Any, squares: Any) -> None:  # pragma: no cover - compiled
    """squares (BLOCK,) = squared distance of row (d,) to each point of block (d, BLOCK)."""
    n_columns = block.shape[0]
    whole = n_columns - n_columns % 2
    squares[:] = 0.0
    for k in range(0, whole, 2):
        x, y = row[k], row[k + 1]
        for i in range(BLOCK):
            dx = x - block[k, i]
            dy = y - block[k + 1, i]
            squares[i] = (squares[i] + dx * dx) + dy * dy  # summed as scikit-learn does: ties stay ties
    for k in range(whole, n_columns):
        x = row[k]
        for i in range(BLOCK):
            dx = x - block[k, i]
            squares[i] += dx * dx


@part
def insert(square: Any, index: Any, nearest: Any, indices: Any) -> None:  # pragma: no cover - compiled
    """Put a point among the k nearest: ascending by distance, equal distances by index."""
    at = len(nearest) - 1
    while at > 0 and (nearest[at - 1] > square or (nearest[at - 1] == square and indices[at - 1] > index)):
        nearest[at] = nearest[at - 1]
        indices[at] = indices[at - 1]
        at -= 1
    nearest[at] = square
    indices[at] = index


@part
def search_block(
    row: Any, block: Any, members: Any, squares: Any, nearest: Any, indices: Any
) -> None:  # pragma: no cover - compiled
    """Take from one block what is nearer than the k nearest so far."""
    point_distances(row, block, squares)
    last = len(nearest) - 1
    farthest = nearest[last]
    n_near = 0
    for i in range(BLOCK):
        n_near += squares[i] <= farthest
    if n_near == 0:
        return
    for i in range(BLOCK):
        if squares[i] < nearest[last] or (squares[i] == nearest[last] and members[i] < indices[last]):
            insert(squares[i], members[i], nearest, indices)


@part
def find_nearest(
    row: Any,
    blocks: Any,
    members: Any,
    lows: Any,
    highs: Any,
    to_boxes: Any,
    squares: Any,
    nearest: Any,
    indices: Any,
) -> None:  # pragma: no cover - compiled
    """nearest (k,) = squared distances to the k nearest training points, ascending; indices (k,) = which they are."""
    nearest[:] = np.inf
    indices[:] = 0x7FFFFFFF
    n_blocks = len(blocks)
    box_distances(row, lows, highs, to_boxes)
    last = len(nearest) - 1
    for _ in range(min(FIRST_LOOKS, n_blocks)):
        best = 0
        for b in range(1, n_blocks):
            best = b if to_boxes[b] < to_boxes[best] else best
        search_block(
            row, blocks[best], members[best * BLOCK : best * BLOCK + BLOCK], squares, nearest, indices
        )
        to_boxes[best] = np.inf
    for b in range(n_blocks):
        if to_boxes[b] <= nearest[last] and to_boxes[b] < np.inf:
            search_block(row, blocks[b], members[b * BLOCK : b * BLOCK + BLOCK], squares, nearest, indices)


@compiled(ROWS, BLOCKS, INT32S, MATRIX, MATRIX, INT, INT, OUT)
def score_knn(
    rows: Any, blocks: Any, members: Any, lows: Any, highs: Any, k: Any, method: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = distance to the k nearest: the largest (method 0), the mean (1) or the median (2)."""
    n_rows = rows.shape[0]
    if not all_usable(rows, 0, n_rows):
        return False
    to_boxes, squares = np.empty(len(blocks)), np.empty(BLOCK)
    nearest, indices = np.empty(k), np.empty(k, np.int32)
    for row in range(n_rows):
        find_nearest(rows[row], blocks, members, lows, highs, to_boxes, squares, nearest, indices)
        if method == 0:
            scores[row] = np.sqrt(nearest[k - 1])
        elif method == 1:
            total = 0.0
            for i in range(k):
                total += np.sqrt(nearest[i])
            scores[row] = total / k
        else:
            scores[row] = (np.sqrt(nearest[(k - 1) // 2]) + np.sqrt(nearest[k // 2])) / 2
    return True


@part
def find_neighbours(
    row: Any,
    blocks: Any,
    members: Any,
    lows: Any,
    highs: Any,
    points: Any,
    order: Any,
    nodes: Any,
    bounds: Any,
    to_boxes: Any,
    squares: Any,
    nearest: Any,
    indices: Any,
) -> None:  # pragma: no cover - compiled
    """`find_nearest` of one more than the k that count; where that one is as near as the k-th, the tree decides.

    The first k of nearest and indices are then the neighbours that scikit-learn takes, in no order.
    """
    find_nearest(row, blocks, members, lows, highs, to_boxes, squares, nearest, indices)
    k = len(nearest) - 1
    if nearest[k - 1] == nearest[k] and len(nodes) > 0:
        search_tree(row, points, order, nodes, bounds, nearest[:k], indices[:k])


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
    """scores = mean local reachability density of the k nearest over the row's own.

    reaches (n,): each training point's distance to its k-th neighbour; densities (n,): its reachability density.
    """
    n_rows = rows.shape[0]
    if not all_usable(rows, 0, n_rows):
        return False
    to_boxes, squares = np.empty(len(blocks)), np.empty(BLOCK)
    nearest, indices = np.empty(k + 1), np.empty(k + 1, np.int32)
    for row in range(n_rows):
        find_neighbours(
            rows[row],
            blocks,
            members,
            lows,
            highs,
            points,
            order,
            nodes,
            bounds,
            to_boxes,
            squares,
            nearest,
            indices,
        )
        reach = density = 0.0
        for i in range(k):
            reach += max(np.sqrt(nearest[i]), reaches[indices[i]])
            density += densities[indices[i]]
        own = 1.0 / (reach / k + 1e-10)
        scores[row] = density / k / own
    return True


@part
def angle_variance(cosines: Any, n_angles: Any) -> Any:  # pragma: no cover - compiled
    """The variance of the first n_angles of cosines."""
    mean = 0.0
    for i in range(n_angles):
        mean += cosines[i]
    mean /= n_angles
    variance = 0.0
    for i in range(n_angles):
        variance += (cosines[i] - mean) ** 2
    return variance / n_angles


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
    """scores = -(variance of the distance-weighted angles between pairs of the k nearest points (n, d)).

    A row that lies on its neighbours, so that there is no angle, gets `no_angle`.
    """
    n_rows, n_columns = rows.shape
    if not all_usable(rows, 0, n_rows):
        return False
    to_boxes, squares = np.empty(len(blocks)), np.empty(BLOCK)
    nearest, indices = np.empty(k + 1), np.empty(k + 1, np.int32)
    cosines = np.empty(k * (k - 1) // 2)
    for row in range(n_rows):
        x = rows[row]
        find_neighbours(
            x, blocks, members, lows, highs, points, order, nodes, bounds, to_boxes, squares, nearest, indices
        )
        n_angles = 0
        for i in range(k):
            for j in range(i + 1, k):
                if nearest[i] == 0.0 or nearest[j] == 0.0:
                    continue
                a, b = points[indices[i]], points[indices[j]]
                dot = 0.0
                for column in range(n_columns):
                    dot += (a[column] - x[column]) * (b[column] - x[column])
                cosines[n_angles] = dot / nearest[i] / nearest[j]
                n_angles += 1
        scores[row] = -min(angle_variance(cosines, n_angles), MOST) if n_angles > 0 else no_angle
    return True
