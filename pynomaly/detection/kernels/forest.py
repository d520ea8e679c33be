"""Isolation forest: trees padded to perfect ones and walked without branches, several rows at a time.

A node is one int64: the feature in its low 16 bits, the threshold as an order-preserving int32 in its high 32. The
children of node i are 2i+1 and 2i+2. After `depth` steps each row is at a leaf, which holds its path length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.kernels.compiled import FLOAT, INT, INT64S, OUT, ROWS, VECTOR, compiled, part
from pynomaly.detection.model import LARGEST

ROWS_PER_BLOCK = 256


@part
def ordered_key(value: Any) -> Any:  # pragma: no cover - compiled
    """float64 -> float32 -> int64 in int32's range, in the same order; both zeros give the same key."""
    bits = np.int64(np.float32(np.float32(value) + np.float32(0.0)).view(np.int32))
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@part
def step(nodes: Any, at: Any, base: Any, keys: Any, row: Any) -> Any:  # pragma: no cover - compiled
    node = nodes[np.uint64(base + at)]
    return 2 * at + 1 + np.int64(keys[np.uint64(row + (node & 0xFFFF))] > (node >> 32))


@part
def load_keys(rows: Any, start: Any, n_here: Any, keys: Any) -> bool:  # pragma: no cover - compiled
    """The keys of n_here rows from `start`; False if one of their values can't be used."""
    at = 0
    for row in range(start, start + n_here):
        for column in range(rows.shape[1]):
            value = rows[row, column]
            if not (abs(value) <= LARGEST):
                return False
            keys[at] = ordered_key(value)
            at += 1
    return True


@compiled(ROWS, INT64S, VECTOR, INT, INT, FLOAT, FLOAT, OUT)
def score_forest(
    rows: Any, nodes: Any, leaves: Any, n_trees: Any, depth: Any, scale: Any, offset: Any, scores: Any
) -> bool:  # pragma: no cover - compiled
    """scores = 2 ** (-path / scale) + offset, path summed over trees in their order.

    nodes: (n_trees * (2**depth - 1),) int64; leaves: (n_trees * 2**depth,) float64.
    """
    n_rows, n_features = rows.shape
    n_inner = (1 << depth) - 1
    keys = np.zeros(min(n_rows + 7, ROWS_PER_BLOCK) * n_features, np.int64)
    paths = np.empty(min(n_rows + 7, ROWS_PER_BLOCK), np.float64)
    for start in range(0, n_rows, ROWS_PER_BLOCK):
        n_here = min(ROWS_PER_BLOCK, n_rows - start)
        if not load_keys(rows, start, n_here, keys):
            return False
        # eight at once cost about two alone
        in_eights = n_here - n_here % 8 if n_here % 8 <= 2 else n_here + 7 - (n_here + 7) % 8
        paths[:] = 0.0
        for tree in range(n_trees):
            base = tree * n_inner
            leaf = base + tree - n_inner
            for row in range(0, in_eights, 8):
                r0 = row * n_features
                r1 = r0 + n_features
                r2 = r1 + n_features
                r3 = r2 + n_features
                r4 = r3 + n_features
                r5 = r4 + n_features
                r6 = r5 + n_features
                r7 = r6 + n_features
                a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = 0
                for _ in range(depth):
                    a0 = step(nodes, a0, base, keys, r0)
                    a1 = step(nodes, a1, base, keys, r1)
                    a2 = step(nodes, a2, base, keys, r2)
                    a3 = step(nodes, a3, base, keys, r3)
                    a4 = step(nodes, a4, base, keys, r4)
                    a5 = step(nodes, a5, base, keys, r5)
                    a6 = step(nodes, a6, base, keys, r6)
                    a7 = step(nodes, a7, base, keys, r7)
                paths[row] += leaves[leaf + a0]
                paths[row + 1] += leaves[leaf + a1]
                paths[row + 2] += leaves[leaf + a2]
                paths[row + 3] += leaves[leaf + a3]
                paths[row + 4] += leaves[leaf + a4]
                paths[row + 5] += leaves[leaf + a5]
                paths[row + 6] += leaves[leaf + a6]
                paths[row + 7] += leaves[leaf + a7]
            for row in range(in_eights, n_here):
                at = 0
                for _ in range(depth):
                    at = step(nodes, at, base, keys, row * n_features)
                paths[row] += leaves[leaf + at]
        for row in range(n_here):
            scores[start + row] = 2.0 ** (-paths[row] / scale) + offset
    return True
