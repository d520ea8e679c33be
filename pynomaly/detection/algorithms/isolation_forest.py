"""Isolation forest (Liu, Ting, Zhou 2008): anomalies are isolated by fewer random splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.layout import require, require_arrays, require_within
from pynomaly.detection.model import Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue

MAX_DEPTH = 12
_ALWAYS_LEFT = np.int64(0x7FFFFFFF) << 32  # no key is greater


def learn(training: Training) -> Learned:
    """Fit PyOD's IForest and pack its trees."""
    from pyod.models.iforest import IForest

    detector = IForest(
        n_estimators=training.integer("n_estimators"),
        max_samples=_max_samples(training),
        max_features=training.number("max_features"),
        bootstrap=bool(training.parameters["bootstrap"]),
        contamination=training.contamination,
        random_state=training.seed,
    )
    detector.fit(training.X)
    training.report_progress(0.9)
    return Learned(pack_forest(detector.detector_))


def pack_forest(forest: Any) -> Arrays:
    """The arrays of a fitted scikit-learn IsolationForest.

    nodes (n_trees, 2**depth - 1) and leaves (n_trees, 2**depth) as `kernels.forest` says; normaliser (2,): the sum
    of average path lengths that a path is divided by, and what is added to the score.
    """
    from sklearn.ensemble._iforest import _average_path_length

    trees = [estimator.tree_ for estimator in forest.estimators_]
    depth = max(1, *(tree.max_depth for tree in trees))
    columns = forest.estimators_features_
    packed = [_pack_tree(tree, of_tree, depth) for tree, of_tree in zip(trees, columns, strict=True)]
    scale = len(trees) * float(_average_path_length([forest.max_samples_])[0])
    return {
        "nodes": np.stack([nodes for nodes, _ in packed]),
        "leaves": np.stack([leaves for _, leaves in packed]),
        "normaliser": np.array([scale, float(forest.offset_)]),
    }


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are a forest over n_features columns."""
    require_arrays(arrays, nodes="i8/2", leaves="f8/2", normaliser="f8/1")
    nodes, leaves = arrays["nodes"], arrays["leaves"]
    depth = leaves.shape[1].bit_length() - 1
    require(1 <= depth <= MAX_DEPTH and leaves.shape[1] == 1 << depth, "the leaves are no perfect trees")
    require(
        nodes.shape == (leaves.shape[0], leaves.shape[1] - 1) and len(nodes) > 0, "nodes and leaves differ"
    )
    require_within(nodes & 0xFFFF, 0, n_features, "nodes")
    require(
        arrays["normaliser"].shape == (2,) and arrays["normaliser"][0] > 0, "the normaliser is not positive"
    )


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The packed forest, walked."""
    from pynomaly.detection.kernels.forest import score_forest

    nodes, leaves = arrays["nodes"].ravel(), arrays["leaves"].ravel()
    n_trees = arrays["leaves"].shape[0]
    depth = arrays["leaves"].shape[1].bit_length() - 1
    scale, offset = (float(value) for value in arrays["normaliser"])

    def score(rows: Floats, scores: Floats) -> bool:
        return score_forest(rows, nodes, leaves, n_trees, depth, scale, offset, scores)

    return score


def _max_samples(training: Training) -> int | str:
    wanted = training.parameters["max_samples"]
    if isinstance(wanted, str):
        return wanted
    return min(int(wanted), len(training.X))


def _pack_tree(tree: Any, columns: NDArray[np.int64], depth: int) -> tuple[NDArray[np.int64], Floats]:
    """One tree padded to `depth`: below a real leaf all rows go left, and each leaf there has its value."""
    from sklearn.ensemble._iforest import _average_path_length

    itself = np.arange(tree.node_count)
    is_leaf = tree.children_left < 0
    left = np.where(is_leaf, itself, tree.children_left)
    right = np.where(is_leaf, itself, tree.children_right)
    features = columns[np.where(is_leaf, 0, tree.feature)]
    words = np.where(is_leaf, _ALWAYS_LEFT, (_ordered_keys(tree.threshold) << 32) | features)
    nodes = np.empty((1 << depth) - 1, np.int64)
    level = np.zeros(1, np.int64)
    for height in range(depth):
        first = (1 << height) - 1
        nodes[first : 2 * first + 1] = words[level]
        level = np.stack([left[level], right[level]], axis=1).ravel()
    paths = tree.compute_node_depths() + _average_path_length(tree.n_node_samples) - 1.0
    return nodes, paths[level]


def _ordered_keys(thresholds: Floats) -> NDArray[np.int64]:
    """Of each threshold the largest float32 not above it, as an integer in the same order.

    scikit-learn compares float32 values with float64 thresholds: with these keys the comparison has the same answer.
    """
    nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    floored = np.where(nearest.astype(np.float64) > thresholds, below, nearest) + np.float32(0.0)
    bits = floored.astype(np.float32).view(np.int32).astype(np.int64)
    keys: NDArray[np.int64] = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return keys


SPEC = AlgorithmSpec(
    name="isolation_forest",
    platform_name="IsolationForest",
    title="Isolation forest",
    description="Random splits isolate anomalies early. A good first choice: fast, few assumptions, many columns.",
    aliases=("IForest", "iforest"),
    parameters=(
        Parameter("n_estimators", "integer", 100, "How many trees", minimum=1, maximum=1000),
        Parameter(
            "max_samples",
            "integer",
            "auto",
            "Rows a tree is grown on; 'auto' is 256, or all if there are fewer",
            minimum=2,
            maximum=4096,
            choices=("auto",),
        ),
        Parameter(
            "max_features", "number", 1.0, "Share of the columns a tree sees", minimum=0.01, maximum=1.0
        ),
        Parameter("bootstrap", "boolean", False, "Draw a tree's rows with replacement"),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
