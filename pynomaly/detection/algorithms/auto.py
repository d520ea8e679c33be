"""`auto`: three detectors of different kinds, each judged by its own tail probability, and their mean.

A forest, the mean distance to the nearest distinct training rows, and the Mahalanobis distance in the whitened
principal components see different anomalies. Each member's score s becomes -log of the share of training rows with
at least that score; the mean of the three is the score. Chosen on one half of labelled data sets, it does better on
the other than any member (`benchmarks/quality.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.algorithms import isolation_forest
from pynomaly.detection.lanes import by_column
from pynomaly.detection.layout import require, require_arrays, require_sorted
from pynomaly.detection.model import Arrays, Floats, Scorer
from pynomaly.detection.neighbourhood import lay_out, verify_points
from pynomaly.detection.parameters import Parameter, ParameterValue
from pynomaly.detection.wide import FEW_ROWS, wide_search

_MEAN_DISTANCE = 1
_FOREST = ("nodes", "leaves", "normaliser")
_REFERENCES = ("forest_scores", "distance_scores", "ellipse_scores")


def learn(training: Training) -> Learned:
    """Fit scikit-learn's forest, neighbours and principal components, and keep each one's training scores."""
    forest, forest_scores = _forest(training)
    training.report_progress(0.4)
    means, deviations = training.X.mean(axis=0), training.X.std(axis=0)
    deviations[deviations <= np.abs(means) * np.finfo(np.float64).eps * 8] = 1.0  # constant but for rounding
    standard = (training.X - means) / deviations
    points, k, distance_scores = _distances(standard, training.integer("n_neighbors"))
    training.report_progress(0.8)
    precision, ellipse_scores = _ellipse(standard)
    arrays = {
        **forest,
        "means": means,
        "deviations": deviations,
        "points": points,
        "n_neighbours": np.array([k], dtype=np.int64),
        "precision": precision,
        "forest_scores": np.sort(forest_scores),
        "distance_scores": np.sort(distance_scores),
        "ellipse_scores": np.sort(ellipse_scores),
    }
    members = (forest_scores, distance_scores, ellipse_scores)
    surprises = [_surprises(len(training.X))] * len(members)
    scores = _mean_surprise([arrays[name] for name in _REFERENCES], surprises, members)
    return Learned(arrays, held_out=scores)


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are the three members and their training scores."""
    vectors = dict.fromkeys(("means", "deviations", *_REFERENCES), "f8/1")
    forest = {"nodes": "i8/2", "leaves": "f8/2", "normaliser": "f8/1"}
    require_arrays(arrays, points="f8/2", precision="f8/2", n_neighbours="i8/1", **forest, **vectors)
    isolation_forest.verify({name: arrays[name] for name in _FOREST}, n_features)
    require(len(arrays["means"]) == len(arrays["deviations"]) == n_features, "means and deviations")
    require((arrays["deviations"] > 0).all(), "a deviation is not positive")
    require(arrays["precision"].shape == (n_features, n_features), "'precision'")
    require(arrays["n_neighbours"].shape == (1,), "'n_neighbours'")
    verify_points(arrays, n_features, int(arrays["n_neighbours"][0]))
    for name in _REFERENCES:
        require(len(arrays[name]) > 0, f"'{name}' is empty")
        require_sorted(arrays[name], name)


def scorer(arrays: Arrays, parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The mean of the members' -log tail probabilities."""
    from pynomaly.detection.kernels.linear import score_mahalanobis
    from pynomaly.detection.kernels.proximity import knn_of_neighbours, score_knn

    score_forest = isolation_forest.scorer(arrays, parameters)
    near = lay_out(arrays["points"])
    k = int(arrays["n_neighbours"][0])
    wide = wide_search(arrays["points"], k)
    means, deviations, precision = arrays["means"], arrays["deviations"], arrays["precision"]
    columns = by_column(precision)
    references = [arrays[name] for name in _REFERENCES]
    surprises = [_surprises(len(reference)) for reference in references]

    def score(rows: Floats, scores: Floats) -> bool:
        members = np.empty((3, len(rows)))
        if not score_forest(rows, members[0]):
            return False
        standard = (rows - means) / deviations
        if wide is not None and len(rows) >= FEW_ROWS:
            for found in wide.blocks(standard):
                knn_of_neighbours(found.nearest, _MEAN_DISTANCE, members[1, found.begin :])
        else:
            score_knn(
                standard, near.blocks, near.members, near.lows, near.highs, k, _MEAN_DISTANCE, members[1]
            )
        score_mahalanobis(rows, means, deviations, precision, columns, members[2])
        scores[:] = _mean_surprise(references, surprises, members)
        return True

    return score


def _surprises(n_train: int) -> Floats:
    """-log((c + 1) / (N + 1)) for c = 0 .. N. A table, since numpy's log of many may differ from its log of one."""
    table: Floats = -np.log(np.arange(1, n_train + 2) / (n_train + 1))
    return table


def _mean_surprise(
    references: Sequence[Floats], surprises: Sequence[Floats], members: Sequence[Floats] | Floats
) -> Floats:
    """Mean over members of the surprise at c of its N sorted reference scores being at least as high."""
    total = np.zeros(len(members[0]))
    for reference, surprise, scores in zip(references, surprises, members, strict=True):
        total += surprise[len(reference) - np.searchsorted(reference, scores, side="left")]
    mean: Floats = total / len(references)
    return mean


def _forest(training: Training) -> tuple[Arrays, Floats]:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=training.integer("n_estimators"), random_state=training.seed)
    forest.fit(training.X)
    return isolation_forest.pack_forest(forest), -forest.decision_function(training.X)


def _distances(standard: Floats, wanted: int) -> tuple[Floats, int, Floats]:
    """The distinct rows, how many neighbours there can be, and each row's mean distance to its own.

    Among all rows instead, a group of duplicates would be its own neighbourhood and look normal.
    """
    from sklearn.neighbors import NearestNeighbors

    points, which = np.unique(standard, axis=0, return_inverse=True)
    if len(points) == 1:
        return points, 1, np.zeros(len(standard))
    k = min(wanted, len(points) - 1)
    distances, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    return points, k, distances.mean(axis=1)[which.ravel()]


def _ellipse(standard: Floats) -> tuple[Floats, Floats]:
    """The inverse covariance over the directions that have any variance, and the rows' squared distances by it."""
    covariance = standard.T @ standard / len(standard)
    variances, directions = np.linalg.eigh(covariance)
    kept = variances > max(variances.max(), 0.0) * 1e-9
    precision = np.zeros_like(covariance)
    if kept.any():
        basis = directions[:, kept]
        precision = basis / variances[kept] @ basis.T
    return precision, np.einsum("ij,ij->i", standard @ precision, standard)


SPEC = AlgorithmSpec(
    name="auto",
    platform_name="Auto",
    title="Automatic",
    description="A forest, nearest neighbours and whitened components, their tail probabilities averaged. No tuning.",
    aliases=("automatic", "ensemble"),
    parameters=(
        Parameter("n_estimators", "integer", 100, "How many trees", minimum=1, maximum=1000),
        Parameter("n_neighbors", "integer", 10, "How many distinct neighbours", minimum=1, maximum=200),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
