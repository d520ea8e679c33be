"""The search for nearest neighbours.

The training points lie in blocks of BLOCK that are near each other, each with the box it fits in. A query measures
its distance to the boxes first, then to the points of the boxes that can still hold one of the k nearest. Within a
block the points are stored by column, so that one instruction serves several of them: with ten columns and more that
beats descending a tree, as no tree can leave out much there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import (
    INT,
    MATRIX,
    OUT_INT32_MATRIX,
    OUT_MATRIX,
    VECTOR,
    compiled,
    part,
)
from pynomaly.detection.kernels.ties import search_tree, squared_distance

BLOCK = 64
FIRST_LOOKS = 3


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


@compiled(MATRIX, MATRIX, INT, MATRIX, VECTOR, VECTOR, VECTOR, OUT_MATRIX, OUT_INT32_MATRIX)
def nearest_by_products(
    rows: Any,
    points: Any,
    first: Any,
    products: Any,
    point_squares: Any,
    row_squares: Any,
    slacks: Any,
    nearest: Any,
    indices: Any,
) -> bool:  # pragma: no cover - compiled
    """`find_nearest` of many rows of many columns, some points at a time: puts those from `first` on that are near
    enough into nearest and indices (n_rows, k), as `insert` does.

    products (n_rows, n_here): dot products about a common centre, point_squares and row_squares the squared norms
    about it. A point is measured exactly only if the distance these give, `slacks` at most too large, lets it be one
    of the nearest: so the result is exact and does not depend on how the products were rounded.
    """
    n_points = products.shape[1]
    last = nearest.shape[1] - 1
    for row in range(len(rows)):
        near, which = nearest[row], indices[row]
        allowance = slacks[row] - row_squares[row]
        for begin in range(0, n_points, BLOCK):
            end = min(begin + BLOCK, n_points)
            limit = near[last] + allowance
            n_near = 0
            for i in range(begin, end):
                n_near += point_squares[first + i] - 2.0 * products[row, i] <= limit
            if n_near == 0:
                continue
            for i in range(begin, end):
                if point_squares[first + i] - 2.0 * products[row, i] <= near[last] + allowance:
                    square = squared_distance(rows[row], points[first + i])
                    if square < near[last] or (square == near[last] and first + i < which[last]):
                        insert(square, first + i, near, which)
    return True
