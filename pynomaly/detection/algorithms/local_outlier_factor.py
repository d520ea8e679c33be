"""LOF (Breunig et al. 2000): how much thinner the row's surroundings are than its neighbours'."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import Arrays, Floats, Scorer, all_usable
from pynomaly.detection.neighbourhood import lay_out, verify_points
from pynomaly.detection.parameters import Parameter, ParameterValue
from pynomaly.detection.tree import TREE_DTYPES, keep_tree, verify_tree
from pynomaly.detection.wide import FEW_ROWS, wide_search


def learn(training: Training) -> Learned:
    """Fit PyOD's LOF and keep the training rows, their reach and their density."""
    from pyod.models.lof import LOF

    k = training.neighbours()
    detector = LOF(n_neighbors=k, contamination=training.contamination)
    detector.fit(training.X)
    training.report_progress(0.9)
    fitted = detector.detector_
    arrays = {
        "points": training.X.copy(),
        "reaches": fitted._distances_fit_X_[:, fitted.n_neighbors_ - 1],
        "densities": fitted._lrd,
        "n_neighbours": np.array([k], dtype=np.int64),
        **keep_tree(fitted, training.X.shape[1]),
    }
    return Learned(arrays, {"n_neighbors": k}, held_out=detector.decision_scores_)


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are training rows of n_features columns with reach and density."""
    require_arrays(
        arrays, points="f8/2", reaches="f8/1", densities="f8/1", n_neighbours="i8/1", **TREE_DTYPES
    )
    n_rows = len(arrays["points"])
    require(len(arrays["reaches"]) == len(arrays["densities"]) == n_rows, "one reach and density a row")
    require(arrays["n_neighbours"].shape == (1,), "'n_neighbours'")
    verify_points(arrays, n_features, int(arrays["n_neighbours"][0]))
    verify_tree(arrays, n_features)


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The local outlier factor, by scikit-learn's formula for new rows."""
    from pynomaly.detection.kernels.proximity import lof_of_neighbours, score_lof

    points = arrays["points"]
    near = lay_out(points)
    blocks, members, lows, highs = near.blocks, near.members, near.lows, near.highs
    order, nodes, bounds = (arrays[name] for name in TREE_DTYPES)
    reaches, densities, k = arrays["reaches"], arrays["densities"], int(arrays["n_neighbours"][0])

    wide = wide_search(points, k)

    def score(rows: Floats, scores: Floats) -> bool:
        if wide is not None and len(rows) >= FEW_ROWS:
            return all_usable(rows) and all(
                lof_of_neighbours(found.nearest, found.indices, reaches, densities, scores[found.begin :])
                for found in wide.blocks(rows)
            )
        return score_lof(
            rows, blocks, members, lows, highs, points, order, nodes, bounds, reaches, densities, k, scores
        )

    return score


SPEC = AlgorithmSpec(
    name="local_outlier_factor",
    platform_name="LocalOutlierFactor",
    title="Local outlier factor",
    description="Rows in thinner surroundings than their neighbours: finds what is odd only locally.",
    aliases=("LOF",),
    parameters=(
        Parameter(
            "n_neighbors", "integer", 20, "How many neighbours make the surroundings", minimum=1, maximum=200
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
