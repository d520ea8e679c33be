"""ABOD (Kriegel, Schubert, Zimek 2008), the fast variant: seen from an outlier, its neighbours lie in one direction."""

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
from pynomaly.domain.errors import InvalidInput

MIN_NEIGHBOURS = 2


def learn(training: Training) -> Learned:
    """Fit PyOD's ABOD for the scores of the training rows and keep those rows.

    PyOD has no score (NaN) for a row whose neighbours are its duplicates, and then no threshold either. There are no
    angles at the densest place there is: such a row gets the least anomalous score of the others.
    """
    from pyod.models.abod import ABOD

    k = training.neighbours()
    if k < MIN_NEIGHBOURS:
        raise InvalidInput("angles need at least 3 training rows", hint="train on more rows")
    detector = ABOD(n_neighbors=k, contamination=training.contamination)
    with np.errstate(invalid="ignore", divide="ignore"):
        detector.fit(training.X)
    training.report_progress(0.9)
    scores = detector.decision_scores_
    scores = np.where(np.isinf(scores), np.sign(scores) * np.finfo(np.float64).max, scores)
    known = scores[np.isfinite(scores)]
    no_angle = float(known.min()) if len(known) else 0.0
    filled = np.where(np.isfinite(scores), scores, no_angle)
    arrays = {
        "points": training.X.copy(),
        "n_neighbours": np.array([k], dtype=np.int64),
        "no_angle": np.array([no_angle]),
        **keep_tree(detector.neigh_, training.X.shape[1]),
    }
    return Learned(arrays, {"n_neighbors": k}, held_out=filled)


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are training rows of n_features columns and how to search them."""
    require_arrays(arrays, points="f8/2", n_neighbours="i8/1", no_angle="f8/1", **TREE_DTYPES)
    require(arrays["n_neighbours"].shape == (1,) and arrays["no_angle"].shape == (1,), "a scalar")
    verify_points(arrays, n_features, int(arrays["n_neighbours"][0]))
    verify_tree(arrays, n_features)


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The variance of angles, negative: anomalies have the highest score."""
    from pynomaly.detection.kernels.proximity import abod_of_neighbours, score_abod

    points = arrays["points"]
    near = lay_out(points)
    blocks, members, lows, highs = near.blocks, near.members, near.lows, near.highs
    order, nodes, bounds = (arrays[name] for name in TREE_DTYPES)
    k, no_angle = int(arrays["n_neighbours"][0]), float(arrays["no_angle"][0])

    wide = wide_search(points, k)

    def score(rows: Floats, scores: Floats) -> bool:
        if wide is not None and len(rows) >= FEW_ROWS:
            return all_usable(rows) and all(
                abod_of_neighbours(
                    found.rows, found.nearest, found.indices, points, no_angle, scores[found.begin :]
                )
                for found in wide.blocks(rows)
            )
        return score_abod(
            rows, blocks, members, lows, highs, points, order, nodes, bounds, k, no_angle, scores
        )

    return score


SPEC = AlgorithmSpec(
    name="abod",
    platform_name="ABOD",
    title="Angle-based outlier detection",
    description="Rows that see their neighbours in one direction. Made for many columns; slow to fit.",
    parameters=(
        Parameter(
            "n_neighbors",
            "integer",
            5,
            "How many neighbours' angles are taken",
            minimum=MIN_NEIGHBOURS,
            maximum=50,
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
