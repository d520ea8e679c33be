"""PCA ranks rows by axes, not by the directions that an SVD happened to give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pynomaly.detection import dump_model, parse_model, resolve
from pynomaly.detection.model import Floats

PCA = resolve("pca")


@pytest.fixture(scope="module")
def rows() -> Floats:
    rng = np.random.default_rng(0)
    return np.exp(rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) / 3)


def agreement(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1])


MIRRORS = {"all": [-1.0] * 5, "one column": [1.0, -1.0, 1.0, 1.0, 1.0]}


@pytest.mark.parametrize("mirror", MIRRORS.values(), ids=MIRRORS)
@pytest.mark.parametrize(
    "parameters", [{}, {"weighted": False}, {"n_components": 2}, {"standardization": False}]
)
def test_mirroring_the_data_changes_no_score(
    rows: Floats, mirror: list[float], parameters: dict[str, Any]
) -> None:
    model = PCA.fit(rows, parameters=parameters)
    mirrored = PCA.fit(rows * mirror, parameters=parameters)
    np.testing.assert_allclose(mirrored.score(rows * mirror), model.score(rows), rtol=1e-9)
    assert mirrored.threshold == pytest.approx(model.threshold, rel=1e-9)


def test_mirroring_the_data_changes_pyods_ranking(rows: Floats) -> None:
    parameters = {"score": "pyod"}
    before = PCA.fit(rows, parameters=parameters).score(rows)
    after = PCA.fit(-rows, parameters=parameters).score(-rows)
    assert agreement(before, after) < 0.95


def test_the_score_is_the_squared_mahalanobis_distance(rows: Floats) -> None:
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    precision = np.linalg.inv(np.cov(standard.T))
    expected = np.einsum("ij,jk,ik->i", standard, precision, standard)
    np.testing.assert_allclose(PCA.fit(rows).score(rows), expected, rtol=1e-9)


def test_a_row_that_breaks_the_correlation_is_found() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=300)
    X = np.column_stack([x, x + rng.normal(size=300) / 20])
    X[7] = [1.0, -1.0]
    for parameters, is_first in (({}, True), ({"weighted": False}, False)):
        scores = PCA.fit(X, parameters=parameters).score(X)
        assert (int(scores.argmax()) == 7) is is_first


def test_a_stored_model_scores_as_it_was_fitted_whichever_score_it_has(rows: Floats) -> None:
    for score in ("projection", "pyod"):
        model = PCA.fit(rows, parameters={"score": score})
        again = parse_model(dump_model(model))
        assert (again.score(rows) == model.score(rows)).all()
        assert again.threshold == model.threshold
