"""The neighbour search against the simplest one there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynomaly.detection import resolve
from pynomaly.detection.kernels.neighbours import BLOCK as KERNEL_BLOCK
from pynomaly.detection.kernels.proximity import score_knn
from pynomaly.detection.model import Floats
from pynomaly.detection.neighbourhood import BLOCK, lay_out
from pynomaly.detection.wide import WideSearch


def distances_by_search(points: Floats, rows: Floats, k: int) -> Floats:
    near = lay_out(points)
    scores = np.empty(len(rows))
    assert score_knn(rows, near.blocks, near.members, near.lows, near.highs, k, 0, scores)
    return scores


def distances_by_sorting(points: Floats, rows: Floats, k: int) -> Floats:
    squares = ((rows[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    found: Floats = np.sqrt(np.sort(squares, axis=1)[:, k - 1])
    return found


@settings(max_examples=60, deadline=None)
@given(
    n_points=st.integers(1, 400),
    n_columns=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    whole=st.booleans(),
    spread=st.sampled_from([1e-6, 1.0, 1e6]),
    data=st.data(),
)
def test_it_finds_the_kth_nearest_distance(
    n_points: int, n_columns: int, seed: int, whole: bool, spread: float, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    points, rows = (
        rng.normal(size=(n_points, n_columns)) * spread,
        rng.normal(size=(10, n_columns)) * 2 * spread,
    )
    if whole:
        points, rows = np.round(points), np.round(rows)
    rows[:3] = points[rng.integers(0, n_points, 3)]
    k = data.draw(st.integers(1, n_points))
    found, expected = distances_by_search(points, rows, k), distances_by_sorting(points, rows, k)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * spread)


@pytest.mark.parametrize("n_points", [1, 63, 64, 65, 128, 129, 1000])
def test_every_point_has_one_place(n_points: int) -> None:
    near = lay_out(np.random.default_rng(0).normal(size=(n_points, 3)))
    filled = near.members[near.members < n_points]
    assert sorted(filled) == list(range(n_points))
    assert near.blocks.shape == (len(near.members) // BLOCK, 3, BLOCK)
    assert near.blocks.shape[0] == -(-n_points // BLOCK)


def test_layout_and_kernel_agree_on_the_block() -> None:
    assert BLOCK == KERNEL_BLOCK


@pytest.mark.parametrize(("n_points", "n_columns"), [(3, 16), (700, 16), (1100, 40)])
@pytest.mark.parametrize("centre", [0.0, 1e6])
def test_products_find_the_same_neighbours_as_boxes(n_points: int, n_columns: int, centre: float) -> None:
    rng = np.random.default_rng(n_points)
    points = np.round(rng.normal(size=(n_points, n_columns)), 1) + centre
    points[n_points // 2 :] = points[: n_points - n_points // 2]  # ties
    rows = np.concatenate([points[:50], rng.normal(size=(300, n_columns)) * 3 + centre])
    k = min(6, n_points)
    for found in WideSearch(points, k).blocks(rows):
        expected = distances_by_search(points, found.rows, k)
        assert (np.sqrt(found.nearest[:, -1]) == expected).all()
        squares = ((found.rows[:, None, :] - points[found.indices]) ** 2).sum(axis=2)
        np.testing.assert_allclose(found.nearest, squares, rtol=1e-12)
        assert (np.diff(np.sort(found.indices, axis=1), axis=1) > 0).all()


def clusters(rng: np.random.Generator, n_rows: int) -> Floats:
    """Rows of 30 columns near one of three far places: their distances drown in single precision."""
    places = np.eye(3, 30) * 1e3
    rows: Floats = places[rng.integers(0, 3, n_rows)] + rng.normal(size=(n_rows, 30)) * 0.1
    return rows


def heavy_tails(rng: np.random.Generator, n_rows: int) -> Floats:
    """Rows of 30 columns of which a few are very long."""
    rows: Floats = rng.standard_cauchy(size=(n_rows, 30))
    return rows


def spheres(rng: np.random.Generator, n_rows: int) -> Floats:
    """Rows of 30 columns, all about as far from one another."""
    rows: Floats = rng.normal(size=(n_rows, 30))
    return rows


@pytest.mark.parametrize(
    ("draw", "dtype"), [(clusters, np.float64), (heavy_tails, np.float32), (spheres, np.float32)]
)
@pytest.mark.parametrize("k", [1, 21, 100])
def test_products_of_either_precision_find_them_exactly(draw: Any, dtype: type, k: int) -> None:
    rng = np.random.default_rng(3)
    points = draw(rng, 5000)  # more than fit in one block
    rows = np.concatenate([draw(rng, 150), points[:5], points[:1] * 1e60, points.mean(axis=0, keepdims=True)])
    search = WideSearch(points, k)
    assert search.dtype is dtype
    for found in search.blocks(rows):
        expected = distances_by_search(points, found.rows, k)
        assert (np.sqrt(found.nearest[:, -1]) == expected).all()


@pytest.mark.parametrize("name", ["knn", "local_outlier_factor", "abod", "auto"])
def test_in_many_columns_a_batch_scores_as_its_rows_one_by_one(name: str) -> None:
    rng = np.random.default_rng(9)
    X, rows = np.round(rng.normal(size=(600, 20)), 1), np.round(rng.normal(size=(300, 20)) * 1.5, 1)
    rows[:30] = X[:30]
    model = resolve(name).fit(X, seed=1)
    alone = np.concatenate([model.score(rows[i : i + 1]) for i in range(len(rows))])
    assert (model.score(rows) == alone).all()
