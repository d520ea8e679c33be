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
    FLOAT,
    FLOAT32_MATRIX,
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


@part
def bound_distances(
    cosines: Any, norms: Any, double: Any, gamma: Any, stretch: Any, limit: Any, bounds: Any
) -> Any:  # pragma: no cover - compiled
    """bounds = norm * (norm * stretch - double * (cosine + gamma)) of some points; how many are at most `limit`."""
    n_within = 0
    for i in range(len(cosines)):
        bound = norms[i] * (norms[i] * stretch - double * (cosines[i] + gamma))
        bounds[i] = bound
        n_within += bound <= limit
    return n_within


@part
def least_upper_bounds(
    cosines: Any, norms: Any, double: Any, gamma: Any, stretch: Any, least: Any
) -> None:  # pragma: no cover - compiled
    """least (n_lanes,) = the least upper bound among every n_lanes-th of some points."""
    for i in range(len(cosines)):
        bound = norms[i] * (norms[i] * stretch - double * (cosines[i] - gamma))
        least[i] = min(least[i], bound)


@part
def kth_upper_bound(
    cosines: Any, norms: Any, length: Any, gamma: Any, delta: Any, least: Any, uppers: Any
) -> Any:  # pragma: no cover - compiled
    """An upper bound of the k-th smallest n(n - 2 length c) over points of norms n and cosines c; k = len(uppers).

    Each of len(least) lanes has its least, and the k-th least of those is the bound: with four times as many lanes as
    neighbours it lets few more points pass than the k-th of all, and takes no sorting of them.
    """
    least[:] = np.inf
    uppers[:] = np.inf
    for begin in range(0, len(cosines), len(least)):
        end = min(begin + len(least), len(cosines))
        least_upper_bounds(
            cosines[begin:end], norms[begin:end], 2.0 * length, gamma, 1.0 + delta, least[: end - begin]
        )
    last = len(uppers) - 1
    for i in range(len(least)):
        if least[i] < uppers[last]:
            at = last
            while at > 0 and uppers[at - 1] > least[i]:
                uppers[at] = uppers[at - 1]
                at -= 1
            uppers[at] = least[i]
    return uppers[last]


@part
def take_nearest(
    row: Any,
    points: Any,
    first: Any,
    cosines: Any,
    norms: Any,
    length: Any,
    gamma: Any,
    delta: Any,
    here: Any,
    least: Any,
    uppers: Any,
    nearest: Any,
    indices: Any,
) -> None:  # pragma: no cover - compiled
    """`find_nearest` among the points from `first` on, of whose cosines with the row at most `gamma` is rounding."""
    last, double, stretch = len(nearest) - 1, 2.0 * length, 1.0 - delta
    square = length * length
    reach = nearest[last]
    if reach == np.inf:
        bound = kth_upper_bound(cosines, norms, length, gamma, delta, least, uppers)
        reach = (square * (1.0 + delta) + bound) * (1.0 + delta)
    for begin in range(0, len(cosines), BLOCK):
        end = min(begin + BLOCK, len(cosines))
        limit = reach * (1.0 + delta) - square * stretch
        if not bound_distances(cosines[begin:end], norms[begin:end], double, gamma, stretch, limit, here):
            continue
        for i in range(end - begin):
            if here[i] <= limit:
                index = first + begin + i
                exact = squared_distance(row, points[index])
                if exact < nearest[last] or (exact == nearest[last] and index < indices[last]):
                    insert(exact, index, nearest, indices)
        reach = min(reach, nearest[last])


@compiled(MATRIX, MATRIX, INT, FLOAT32_MATRIX, VECTOR, VECTOR, FLOAT, FLOAT, OUT_MATRIX, OUT_INT32_MATRIX)
def nearest_by_products(
    rows: Any,
    points: Any,
    first: Any,
    cosines: Any,
    norms: Any,
    lengths: Any,
    gamma: Any,
    delta: Any,
    nearest: Any,
    indices: Any,
) -> bool:  # pragma: no cover - compiled
    """`find_nearest` of many rows of many columns, some points at a time: puts those from `first` on that are near
    enough into nearest and indices (n_rows, k), as `insert` does.

    cosines (n_rows, n_here): of rows and points about a common centre, from which lengths (n_rows,) and norms
    (n_here,) are measured; at most `gamma` of a cosine and the share `delta` of a square are rounding. These bound
    each distance, and a point is measured exactly only if its least distance lets it be one of the nearest: so the
    result is exact and does not depend on how the products were rounded.
    """
    k = nearest.shape[1]
    here, least, uppers = np.empty(BLOCK), np.empty(BLOCK * (1 + k * 4 // BLOCK)), np.empty(k)
    for row in range(len(rows)):
        take_nearest(
            rows[row], points, first, cosines[row], norms, lengths[row], gamma, delta, here, least,
            uppers, nearest[row], indices[row],
        )  # fmt: skip
    return True


@compiled(MATRIX, MATRIX, INT, MATRIX, VECTOR, VECTOR, FLOAT, FLOAT, OUT_MATRIX, OUT_INT32_MATRIX)
def nearest_by_products_in_double(
    rows: Any,
    points: Any,
    first: Any,
    cosines: Any,
    norms: Any,
    lengths: Any,
    gamma: Any,
    delta: Any,
    nearest: Any,
    indices: Any,
) -> bool:  # pragma: no cover - compiled
    """`nearest_by_products`, the cosines in double precision."""
    k = nearest.shape[1]
    here, least, uppers = np.empty(BLOCK), np.empty(BLOCK * (1 + k * 4 // BLOCK)), np.empty(k)
    for row in range(len(rows)):
        take_nearest(
            rows[row], points, first, cosines[row], norms, lengths[row], gamma, delta, here, least,
            uppers, nearest[row], indices[row],
        )  # fmt: skip
    return True
