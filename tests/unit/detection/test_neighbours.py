"""The neighbour search against the simplest one there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynomaly.detection.kernels.neighbours import BLOCK as KERNEL_BLOCK
from pynomaly.detection.kernels.proximity import score_knn
from pynomaly.detection.model import Floats
from pynomaly.detection.neighbourhood import BLOCK, lay_out


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
