"""What fitting refuses, and what it makes of data that is odd but real."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pynomaly.detection import algorithms, resolve
from pynomaly.detection.model import Floats
from pynomaly.domain.errors import InvalidInput, InvalidParameter, NonFiniteValues

NAMES = [spec.name for spec in algorithms()]
each_algorithm = pytest.mark.parametrize("name", NAMES)
NORMAL = np.random.default_rng(1).normal(size=(60, 4))
ODD: dict[str, Floats] = {
    "constant column": np.column_stack([NORMAL[:, :2], np.full(60, 3.3), NORMAL[:, 2]]),
    "the same column twice": np.column_stack([NORMAL, NORMAL[:, 0]]),
    "one column": NORMAL[:, :1],
    "three rows": NORMAL[:3],
    "three rows, many times": np.repeat(NORMAL[:3], 20, axis=0),
    "zeros and ones": np.random.default_rng(2).integers(0, 2, size=(50, 3)).astype(float),
    "more columns than rows": np.random.default_rng(3).normal(size=(10, 50)),
    "small values": NORMAL * 1e-3,
}


@each_algorithm
@pytest.mark.parametrize("kind", list(ODD))
def test_odd_data_gives_finite_scores(name: str, kind: str) -> None:
    X = ODD[kind]
    model = resolve(name).fit(X, seed=1)
    rows = np.concatenate([X, -X[:1], np.zeros((1, X.shape[1])), np.full((1, X.shape[1]), 1e6)])
    scores = model.score(rows)
    assert np.isfinite(scores).all()
    assert np.isfinite(model.threshold)


@pytest.mark.parametrize("name", ["pca", "auto", "mcd", "ecod", "copod", "isolation_forest", "hbos"])
def test_a_constant_column_hides_no_anomaly(name: str) -> None:
    """PyOD's PCA divides by the column's zero variance: all scores infinite, no anomaly found."""
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.normal(size=(200, 3)), np.full(200, 5.0)])
    X[0, :3] = 12.0
    model = resolve(name).fit(X, contamination=0.05, seed=1)
    labels = model.labels(model.score(X))
    assert labels[0] == 1
    assert 0 < labels.sum() <= 20


@each_algorithm
@pytest.mark.parametrize("n_rows", [0, 1])
def test_too_few_rows_are_refused(name: str, n_rows: int) -> None:
    with pytest.raises(InvalidInput, match="too few"):
        resolve(name).fit(np.zeros((n_rows, 3)))


@each_algorithm
def test_missing_values_are_refused(name: str) -> None:
    X = NORMAL.copy()
    X[7, 2] = np.nan
    with pytest.raises(NonFiniteValues, match="row 7, column 2"):
        resolve(name).fit(X)


def test_a_column_that_hardly_varies_is_refused() -> None:
    X = NORMAL.copy()
    X[:, 1] *= 1e-80
    with pytest.raises(InvalidInput, match=r"column 1 .* varies by less"):
        resolve("ecod").fit(X)


@pytest.mark.parametrize("contamination", [0.0, -0.1, 0.51, float("nan"), True, "0.1", None])
def test_contamination_out_of_bounds_is_refused(contamination: Any) -> None:
    with pytest.raises(InvalidParameter, match="contamination"):
        resolve("ecod").fit(NORMAL, contamination=contamination)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_bounds_is_refused(seed: int) -> None:
    with pytest.raises(InvalidParameter, match="seed"):
        resolve("isolation_forest").fit(NORMAL, seed=seed)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("knn", "n_neighbors"),
        ("local_outlier_factor", "n_neighbors"),
        ("abod", "n_neighbors"),
        ("cblof", "n_clusters"),
    ],
)
def test_more_neighbours_than_rows_are_refused_if_asked_for_and_lowered_if_not(
    name: str, parameter: str
) -> None:
    with pytest.raises(InvalidParameter, match=f"{parameter}: 50 .* 4 training rows"):
        resolve(name).fit(NORMAL[:4], parameters={parameter: 50})
    lowered = resolve(name).fit(NORMAL[:4], seed=1)
    assert int(lowered.parameters[parameter]) in {3, 4}


@pytest.mark.parametrize("name", ["pca", "mcd"])
def test_data_an_algorithm_can_make_nothing_of_is_refused_in_words(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(name).fit(np.full((30, 3), 2.5))
    assert caught.value.hint


def test_two_rows_have_no_angles() -> None:
    with pytest.raises(InvalidInput, match="3 training rows"):
        resolve("abod").fit(NORMAL[:2])


@each_algorithm
def test_the_same_seed_gives_the_same_model_and_fitting_anew_is_a_fresh_fit(name: str) -> None:
    spec = resolve(name)
    first = spec.fit(NORMAL, seed=11)
    spec.fit(NORMAL * 3 + 1, seed=12)
    second = spec.fit(NORMAL, seed=11)
    assert first.threshold == second.threshold
    assert (first.score(NORMAL) == second.score(NORMAL)).all()


@each_algorithm
def test_progress_starts_at_nothing_never_falls_and_ends_at_all(name: str) -> None:
    seen: list[float] = []
    resolve(name).fit(NORMAL, seed=1, report_progress=seen.append)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert seen == sorted(seen)


@each_algorithm
def test_the_model_keeps_no_hold_of_the_callers_rows(name: str) -> None:
    X = NORMAL.copy()
    model = resolve(name).fit(X, seed=1)
    before = model.score(NORMAL)
    X[:] = 0.0
    assert (model.score(NORMAL) == before).all()


def test_a_row_on_all_its_neighbours_is_as_normal_as_any_to_abod() -> None:
    X = np.concatenate([np.zeros((20, 2)), NORMAL[:, :2] * 5])
    model = resolve("abod").fit(X, contamination=0.2)
    on_them = model.score([[0.0, 0.0]])
    assert on_them[0] <= np.quantile(model.score(NORMAL[:, :2] * 5), 0.02)
    assert model.labels(on_them).tolist() == [0]


def test_clusters_of_one_size_are_all_large() -> None:
    X = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 9.0)]) + np.random.default_rng(5).normal(
        size=(40, 2)
    )
    model = resolve("cblof").fit(X, parameters={"n_clusters": 2}, seed=1)
    assert int(model.arrays["n_large"][0]) == 2
    assert model.score([[4.5, 4.5]])[0] > model.score([[0.0, 0.0], [9.0, 9.0]]).max()
