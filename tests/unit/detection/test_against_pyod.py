"""Scores, thresholds and labels are PyOD's: ECOD's and COPOD's those of PyOD called row by row, PCA's if asked for.

PyOD's threshold of ECOD and COPOD is of other scores, the training rows' among themselves; ours is of those served.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pynomaly.detection import FrozenModel, resolve
from pynomaly.detection.model import Floats

SEEDED = {"isolation_forest", "cblof", "mcd", "pca"}
PEERS = {
    "abod": ("abod", "ABOD"),
    "cblof": ("cblof", "CBLOF"),
    "copod": ("copod", "COPOD"),
    "ecod": ("ecod", "ECOD"),
    "hbos": ("hbos", "HBOS"),
    "isolation_forest": ("iforest", "IForest"),
    "knn": ("knn", "KNN"),
    "local_outlier_factor": ("lof", "LOF"),
    "mcd": ("mcd", "MCD"),
    "one_class_svm": ("ocsvm", "OCSVM"),
    "pca": ("pca", "PCA"),
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in PEERS if name != "pca"),
    ("pca", {"score": "pyod"}),
    ("isolation_forest", {"n_estimators": 7, "max_samples": 33, "max_features": 0.5, "bootstrap": True}),
    ("isolation_forest", {"max_samples": 400}),
    ("knn", {"n_neighbors": 1}),
    ("knn", {"n_neighbors": 8, "method": "mean"}),
    ("knn", {"n_neighbors": 8, "method": "median"}),
    ("knn", {"n_neighbors": 7, "method": "median"}),
    ("local_outlier_factor", {"n_neighbors": 40}),
    ("hbos", {"n_bins": 3, "alpha": 0.3, "tol": 0.1}),
    ("hbos", {"n_bins": "auto"}),
    ("pca", {"score": "pyod", "n_components": 3}),
    ("pca", {"score": "pyod", "standardization": False, "weighted": False}),
    ("cblof", {"n_clusters": 5, "alpha": 0.7, "beta": 2.0, "use_weights": True}),
    ("mcd", {"support_fraction": 0.8, "assume_centered": True}),
    ("one_class_svm", {"kernel": "linear"}),
    ("one_class_svm", {"kernel": "poly", "degree": 2, "gamma": "scale", "coef0": 1.0}),
    ("one_class_svm", {"kernel": "sigmoid", "gamma": 0.01}),
    ("one_class_svm", {"nu": 0.1, "gamma": 0.3}),
    ("abod", {"n_neighbors": 9}),
]


def fit_peer(name: str, X: Floats, parameters: Mapping[str, Any], contamination: float) -> Any:
    module, cls = PEERS[name]
    settings: dict[str, Any] = {"contamination": contamination, **parameters}
    settings.pop("score", None)  # a choice of ours
    if name in SEEDED:
        settings["random_state"] = 3
    detector = getattr(importlib.import_module(f"pyod.models.{module}"), cls)(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector.fit(X)
    return detector


def peer_scores(name: str, detector: Any, queries: Floats) -> Floats:
    in_batches = [queries[i : i + 1] for i in range(len(queries))] if name in {"ecod", "copod"} else [queries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.concatenate([detector.decision_function(batch) for batch in in_batches])


def assert_same(ours: FrozenModel, name: str, detector: Any, queries: Floats) -> None:
    expected = peer_scores(name, detector, queries)
    known = np.isfinite(expected)  # ABOD has no score for a row on its neighbours
    assert known.mean() > 0.8
    scores = ours.score(queries)
    np.testing.assert_allclose(scores[known], expected[known], rtol=1e-9, atol=1e-9)
    if name not in {"ecod", "copod"}:
        np.testing.assert_allclose(ours.threshold, detector.threshold_, rtol=1e-9, atol=1e-9)
    clear = known & (np.abs(expected - ours.threshold) > np.abs(ours.threshold - detector.threshold_) + 1e-9)
    assert (ours.labels(scores)[clear] == (expected > detector.threshold_)[clear]).all()


@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_scores_threshold_and_labels_equal_pyods(
    name: str, parameters: dict[str, Any], training_rows: Floats, queries: Floats
) -> None:
    ours = resolve(name).fit(training_rows, contamination=0.07, parameters=parameters, seed=3)
    assert_same(ours, name, fit_peer(name, training_rows, parameters, 0.07), queries)


@pytest.mark.parametrize("name", ["ecod", "copod"])
def test_tails_of_columns_without_skew(name: str) -> None:
    """A constant column, a symmetric one, a single value's neighbour: where the sign of skewness is zero."""
    X = np.array([[1.0, -2.0, 0.1], [1.0, -1.0, 0.1], [1.0, 0.0, 0.1], [1.0, 1.0, 0.1], [1.0, 2.0, 0.3]])
    X = np.tile(X, (3, 1))
    queries = np.array([[1.0, 0.0, 0.1], [1.0, 2.0, 0.3], [0.0, -3.0, 0.2], [2.0, 3.0, 9.0], [1.0, 0.5, 0.1]])
    assert_same(resolve(name).fit(X), name, fit_peer(name, X, {}, 0.1), queries)


@pytest.mark.parametrize("name", sorted(set(PEERS) - {"abod"}))
@pytest.mark.parametrize("n_columns", [1, 2, 15])
def test_other_widths(name: str, n_columns: int) -> None:
    rng = np.random.default_rng(n_columns)
    X, queries = rng.normal(size=(120, n_columns)), rng.normal(size=(40, n_columns)) * 2
    asked = {"score": "pyod"} if name == "pca" else {}
    ours = resolve(name).fit(X, seed=3, parameters=asked)
    assert_same(ours, name, fit_peer(name, X, {}, 0.1), queries)


def test_more_columns_than_a_tree_search_likes() -> None:
    """Beyond 15 columns scikit-learn multiplies matrices and is itself exact to 1e-8 only."""
    rng = np.random.default_rng(5)
    X, queries = rng.normal(size=(500, 40)), rng.normal(size=(60, 40))
    for name in ("knn", "local_outlier_factor"):
        expected = peer_scores(name, fit_peer(name, X, {}, 0.1), queries)
        np.testing.assert_allclose(resolve(name).fit(X).score(queries), expected, rtol=1e-7)


@pytest.mark.parametrize("name", ["local_outlier_factor", "abod"])
@pytest.mark.parametrize(("n_rows", "n_columns", "repeated"), [(500, 9, 0.5), (900, 4, 0.2), (700, 12, 0.0)])
def test_ties_between_neighbours_are_settled_as_pyod_settles_them(
    name: str, n_rows: int, n_columns: int, repeated: float
) -> None:
    """On rounded and repeated rows many points are equally near, and which of them count changes the score."""
    rng = np.random.default_rng(n_rows)
    X = rng.integers(0, 10, size=(n_rows, n_columns)) / 10
    X[: int(n_rows * repeated)] = X[-1 - int(n_rows * repeated) : -1]
    queries = rng.integers(0, 10, size=(200, n_columns)) / 10
    queries[:50] = X[:50]
    expected = peer_scores(name, fit_peer(name, X, {}, 0.1), queries)
    known = np.isfinite(expected)
    np.testing.assert_allclose(
        resolve(name).fit(X).score(queries)[known], expected[known], rtol=1e-9, atol=1e-9
    )
