"""Which of several equally distant training points are neighbours: those that scikit-learn's k-d tree keeps.

The distance to the k-th neighbour is the same whichever is taken, but LOF and ABOD look at the neighbours themselves,
and rounded or repeated data is full of ties. For such rows the tree that was fitted is searched as scikit-learn
searches it: depth first, nearer child first, a point entering the heap only if it is nearer than the farthest there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import part

MAX_PENDING = 128  # nodes put off on the way down: one a level


@part
def push(square: Any, index: Any, heap: Any, indices: Any) -> None:  # pragma: no cover - compiled
    """Replace the farthest point of a max-heap, as scikit-learn's `heap_push` does."""
    size = len(heap)
    at = 0
    while True:
        left, right = 2 * at + 1, 2 * at + 2
        if left >= size:
            break
        larger = left if right >= size or heap[left] >= heap[right] else right
        if not square < heap[larger]:
            break
        heap[at] = heap[larger]
        indices[at] = indices[larger]
        at = larger
    heap[at] = square
    indices[at] = index


@part
def squared_distance(row: Any, point: Any) -> Any:  # pragma: no cover - compiled
    total = 0.0
    for k in range(len(point)):
        difference = row[k] - point[k]
        total += difference * difference
    return total


@part
def distance_to_node(row: Any, bounds: Any, node: Any) -> Any:  # pragma: no cover - compiled
    total = 0.0
    for k in range(len(row)):
        below = bounds[0, node, k] - row[k]
        above = row[k] - bounds[1, node, k]
        outside = 0.5 * ((below + abs(below)) + (above + abs(above)))
        total += outside * outside
    return total


@part
def search_tree(
    row: Any, points: Any, order: Any, nodes: Any, bounds: Any, heap: Any, indices: Any
) -> None:  # pragma: no cover - compiled
    """heap (k,) and indices (k,) = the k nearest of points (n, d), in no order.

    order (n,): the points as the tree has them; nodes (m, 3): where a node begins and ends in `order` and whether it
    is a leaf; bounds (2, m, d): the lower and upper corners of the nodes' boxes.
    """
    heap[:] = np.inf
    pending = np.empty(MAX_PENDING, np.int64)
    distances = np.empty(MAX_PENDING)
    pending[0], distances[0] = 0, distance_to_node(row, bounds, 0)
    n_pending = 1
    while n_pending > 0:
        n_pending -= 1
        node, distance = pending[n_pending], distances[n_pending]
        if distance > heap[0]:
            continue
        if nodes[node, 2]:
            for at in range(nodes[node, 0], nodes[node, 1]):
                square = squared_distance(row, points[order[at]])
                if square < heap[0]:
                    push(square, order[at], heap, indices)
            continue
        near, far = 2 * node + 1, 2 * node + 2
        to_near, to_far = distance_to_node(row, bounds, near), distance_to_node(row, bounds, far)
        if to_near > to_far:
            near, far, to_near, to_far = far, near, to_far, to_near
        pending[n_pending], distances[n_pending] = far, to_far
        pending[n_pending + 1], distances[n_pending + 1] = near, to_near
        n_pending += 2
