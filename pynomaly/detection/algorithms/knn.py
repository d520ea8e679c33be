"""k nearest neighbours (Ramaswamy, Rastogi, Shim 2000): distance to the k-th nearest training row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import Arrays, Floats, Scorer, all_usable
from pynomaly.detection.neighbourhood import lay_out, verify_points
from pynomaly.detection.parameters import Parameter, ParameterValue
from pynomaly.detection.wide import FEW_ROWS, wide_search

METHODS = ("largest", "mean", "median")


def learn(training: Training) -> Learned:
    """Fit PyOD's KNN for the rows' distances to the others, and keep the rows."""
    from pyod.models.knn import KNN

    k = training.neighbours()
    method = str(training.parameters["method"])
    detector = KNN(n_neighbors=k, method=method, contamination=training.contamination)
    detector.fit(training.X)
    training.report_progress(0.9)
    arrays = {"points": training.X.copy(), "search": np.array([k, METHODS.index(method)], dtype=np.int64)}
    return Learned(arrays, {"n_neighbors": k}, held_out=detector.decision_scores_)


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are training rows of n_features columns and how to search them."""
    require_arrays(arrays, points="f8/2", search="i8/1")
    require(arrays["search"].shape == (2,) and arrays["search"][1] in range(len(METHODS)), "'search'")
    verify_points(arrays, n_features, int(arrays["search"][0]))


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The distance to the nearest neighbours."""
    from pynomaly.detection.kernels.proximity import knn_of_neighbours, score_knn

    near = lay_out(arrays["points"])
    blocks, members, lows, highs = near.blocks, near.members, near.lows, near.highs
    k, method = (int(value) for value in arrays["search"])

    wide = wide_search(arrays["points"], k)

    def score(rows: Floats, scores: Floats) -> bool:
        if wide is not None and len(rows) >= FEW_ROWS:
            return all_usable(rows) and all(
                knn_of_neighbours(found.nearest, method, scores[found.begin :]) for found in wide.blocks(rows)
            )
        return score_knn(rows, blocks, members, lows, highs, k, method, scores)

    return score


SPEC = AlgorithmSpec(
    name="knn",
    platform_name="KNN",
    title="k nearest neighbours",
    description="Rows far from everything seen in training. Strong and simple; its cost grows with the training set.",
    aliases=("k_nearest_neighbors", "NearestNeighbors"),
    parameters=(
        Parameter("n_neighbors", "integer", 5, "Which neighbour's distance counts", minimum=1, maximum=200),
        Parameter(
            "method",
            "string",
            "largest",
            "The largest, mean or median distance of the neighbours",
            choices=METHODS,
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
