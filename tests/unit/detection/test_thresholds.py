"""Of the rows that a model was trained on, as it serves them, it labels no more than the share it was told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynomaly.detection import algorithms, resolve
from pynomaly.detection.model import Floats
from pynomaly.detection.thresholds import threshold_of
from pynomaly.domain.errors import InvalidInput

NAMES = [spec.name for spec in algorithms()]
each_algorithm = pytest.mark.parametrize("name", NAMES)


def n_labelled(name: str, X: Floats, contamination: float, **parameters: Any) -> int:
    model = resolve(name).fit(X, contamination=contamination, seed=1, parameters=parameters)
    return int(model.labels(model.score(X)).sum())


def coded(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    """Status codes and the like: a few numbers, most of them one."""
    return rng.choice([200.0, 200.0, 200.0, 404.0, 500.0], size=(n_rows, n_columns))


def repeated(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    few = rng.normal(size=(max(2, n_rows // 10), n_columns))
    return few[rng.integers(0, len(few), n_rows)]


def one_hot(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    return np.eye(n_columns + 1)[rng.integers(0, n_columns + 1, n_rows)]


def nearly_constant(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    """One value everywhere but in one row; sometimes there, too."""
    X = np.full((n_rows, n_columns), 0.1)
    X[0] += rng.choice([0.0, 1e-9, 1.0])
    return X


def tiny(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    return rng.normal(size=(n_rows, n_columns)) * 10.0 ** rng.integers(-60, -3)


def huge(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    return rng.normal(size=(n_rows, n_columns)) * 10.0 ** rng.integers(3, 70)


def rounded(rng: np.random.Generator, n_rows: int, n_columns: int) -> Floats:
    return np.round(rng.normal(size=(n_rows, n_columns)), 1)


@each_algorithm
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from([coded, repeated, one_hot, nearly_constant, tiny, huge, rounded]),
    n_rows=st.integers(5, 120),
    n_columns=st.integers(1, 6),
    contamination=st.sampled_from([0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5]),
    seed=st.integers(0, 1000),
)
def test_no_more_of_the_training_rows_are_labelled_than_the_share_expected(
    name: str, kind: Any, n_rows: int, n_columns: int, contamination: float, seed: int
) -> None:
    X = kind(np.random.default_rng(seed), n_rows, n_columns)
    try:
        found = n_labelled(name, X, contamination)
    except InvalidInput:
        return  # PCA of one value, ABOD of two rows: refused in words
    assert found <= math.ceil(contamination * n_rows)


def test_codes_of_which_one_is_common_are_not_all_anomalies() -> None:
    X = np.repeat([[200.0, 0.0], [404.0, 1.0], [500.0, 3.0]], [950, 40, 10], axis=0)
    assert n_labelled("auto", X, 0.05) == 50


def test_equal_rows_and_a_few_others_are_not_all_anomalies() -> None:
    X = np.concatenate([np.tile([1.0, 2.0, 3.0], (95, 1)), np.random.default_rng(0).normal(size=(5, 3)) + 5])
    assert n_labelled("one_class_svm", X, 0.1) <= 10


@each_algorithm
def test_of_rows_that_all_differ_the_share_is_labelled_or_nearly(name: str) -> None:
    """Fewer only where the model keeps its rows: it asks how far they are from the others."""
    X = np.random.default_rng(3).normal(size=(400, 4))
    keeps_rows = name in {"knn", "local_outlier_factor", "abod", "auto"}
    assert (10 if keeps_rows else 39) <= n_labelled(name, X, 0.1) <= 40


@pytest.mark.parametrize("name", ["knn", "local_outlier_factor", "abod", "auto"])
def test_a_model_that_keeps_its_rows_does_not_take_new_ones_for_anomalies(name: str) -> None:
    """Each training row is its own nearest neighbour: by the scores of those alone, new rows would be far off."""
    rng = np.random.default_rng(4)
    few = {} if name == "abod" else {"n_neighbors": 1}
    model = resolve(name).fit(rng.normal(size=(400, 3)), contamination=0.1, parameters=few, seed=1)
    fresh = rng.normal(size=(4000, 3))
    assert model.labels(model.score(fresh)).mean() < 0.15


@pytest.mark.parametrize(("contamination", "at"), [(0.007, 1.5), (0.1, 1.0), (0.5, 1.0)])
def test_equal_scores_at_the_threshold_are_below_it_by_more_than_rounding(
    contamination: float, at: float
) -> None:
    threshold = threshold_of(np.repeat([1.0, 1.5, 7.0], [990, 5, 5]), contamination)
    assert at * (1 + 1e-15) < threshold < at + 1e-9


def test_equal_scores_stay_below_the_next_score_however_near() -> None:
    near = np.nextafter(1.0, 2.0)
    scores = np.repeat([1.0, near, 9.0], [95, 3, 2])
    assert threshold_of(scores, 0.05) <= near
    assert (scores > threshold_of(scores, 0.05)).sum() <= 5


def test_scores_of_which_the_difference_overflows_have_a_threshold() -> None:
    largest = np.finfo(np.float64).max
    scores = np.array([-largest] * 5 + [0.0] * 3 + [largest] * 2)
    assert math.isfinite(threshold_of(scores, 0.2))
    assert (scores > threshold_of(scores, 0.2)).sum() == 2
