"""The k-d tree that scikit-learn searched at fitting, kept to settle ties between neighbours as it did."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly.detection.layout import require, require_within
from pynomaly.detection.model import Arrays

TREE_DTYPES = {"tree_order": "i4/1", "tree_nodes": "i8/2", "tree_bounds": "f8/3"}
MAX_LEVELS = 60


def keep_tree(neighbours: Any, n_columns: int) -> Arrays:
    """The arrays of a fitted scikit-learn NearestNeighbors; empty ones if it searched without a tree.

    It multiplies matrices instead with more than 15 columns or few rows: its own ties are then a matter of rounding.
    """
    tree = neighbours._tree
    if neighbours._fit_method != "kd_tree" or tree is None:
        return {
            "tree_order": np.empty(0, np.int32),
            "tree_nodes": np.empty((0, 3), np.int64),
            "tree_bounds": np.empty((2, 0, n_columns)),
        }
    _, order, nodes, bounds = (np.asarray(array) for array in tree.get_arrays())
    columns = [nodes[name].astype(np.int64) for name in ("idx_start", "idx_end", "is_leaf")]
    return {
        "tree_order": order.astype(np.int32),
        "tree_nodes": np.stack(columns, axis=1),
        "tree_bounds": np.array(bounds),
    }


def verify_tree(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the tree is none or one over all `points`."""
    order, nodes, bounds = (arrays[name] for name in TREE_DTYPES)
    require(bounds.shape == (2, len(nodes), n_features) and nodes.shape[1] == 3, "the tree's shapes")
    if len(nodes) == 0:
        require(len(order) == 0, "a tree without nodes")
        return
    n_points = len(arrays["points"])
    require(len(order) == n_points and len(nodes) < 1 << MAX_LEVELS, "the tree's size")
    require_within(order, 0, n_points, "tree_order")
    require_within(nodes[:, :2], 0, n_points + 1, "tree_nodes")
    inner = np.flatnonzero(nodes[:, 2] == 0)
    require(len(inner) == 0 or 2 * int(inner[-1]) + 2 < len(nodes), "an inner node without children")
