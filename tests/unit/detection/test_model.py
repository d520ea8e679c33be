"""The promises of a frozen model, for every algorithm: checked at the border, pure, each row on its own."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynomaly.detection import FrozenModel, algorithms
from pynomaly.detection.model import LARGEST, Floats
from pynomaly.domain.errors import DimensionMismatch, InvalidInput, NonFiniteValues

NAMES = [spec.name for spec in algorithms()]
each_algorithm = pytest.mark.parametrize("name", NAMES)
Models = Mapping[str, FrozenModel]


@each_algorithm
def test_scores_are_one_finite_float_a_row(name: str, models: Models, queries: Floats) -> None:
    scores = models[name].score(queries)
    assert scores.shape == (len(queries),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


@each_algorithm
def test_far_off_rows_score_higher_than_training_rows(
    name: str, models: Models, training_rows: Floats, queries: Floats
) -> None:
    far, usual = models[name].score(queries[100:130]), models[name].score(training_rows)
    assert np.median(far) > np.median(usual)


@each_algorithm
def test_about_the_expected_share_of_training_rows_is_labelled(
    name: str, models: Models, training_rows: Floats
) -> None:
    model = models[name]
    labels = model.labels(model.score(training_rows))
    assert labels.dtype == np.int8
    assert set(np.unique(labels)) <= {0, 1}
    # k nearest neighbours and their kin find a training row itself when asked about it: fewer are labelled
    assert labels.mean() <= 0.15
    if name not in {"knn", "local_outlier_factor", "abod", "auto"}:
        assert labels.mean() >= 0.08


def test_a_label_needs_a_score_above_the_threshold(models: Models) -> None:
    model = models["ecod"]
    scores = np.array(
        [np.nextafter(model.threshold, -np.inf), model.threshold, np.nextafter(model.threshold, np.inf)]
    )
    assert model.labels(scores).tolist() == [0, 0, 1]


@each_algorithm
def test_no_rows_no_scores(name: str, models: Models) -> None:
    assert models[name].score(np.empty((0, 6))).shape == (0,)


@each_algorithm
@pytest.mark.parametrize("width", [0, 1, 5, 7])
def test_another_width_is_refused(name: str, width: int, models: Models) -> None:
    with pytest.raises(DimensionMismatch, match=f"{width} columns"):
        models[name].score(np.zeros((3, width)))


@each_algorithm
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, LARGEST * 1.01])
@pytest.mark.parametrize("row", [0, 299])
def test_a_value_that_is_no_usable_number_is_refused_and_named(
    name: str, value: float, row: int, models: Models
) -> None:
    rows = np.zeros((300, 6))
    rows[row, 4] = value
    with pytest.raises(NonFiniteValues, match=f"row {row}, column 4"):
        models[name].score(rows)
    with pytest.raises(NonFiniteValues, match="row 0, column 4"):
        models[name].score(rows[row : row + 1])


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2, 3, 4, 5, "six"]],
        [[1, 2, 3, 4, 5, None]],
        np.zeros((2, 6), dtype=complex),
        np.array([["1"] * 6]),
        np.zeros((2, 6), dtype="datetime64[s]"),
        np.array([[object()] * 6]),
    ],
    ids=["text", "none", "complex", "strings", "dates", "objects"],
)
def test_what_is_no_number_is_refused(rows: Any, models: Models) -> None:
    with pytest.raises(InvalidInput):
        models["hbos"].score(rows)


@pytest.mark.parametrize("rows", [[1.0] * 6, 3.0, np.zeros((2, 3, 6)), [[1, 2], [3]]], ids=str)
def test_what_is_no_table_is_refused(rows: Any, models: Models) -> None:
    with pytest.raises(DimensionMismatch):
        models["hbos"].score(rows)


@each_algorithm
def test_the_layout_in_memory_makes_no_difference(name: str, models: Models, queries: Floats) -> None:
    model = models[name]
    expected = model.score(queries)
    read_only = queries.copy()
    read_only.flags.writeable = False
    raw = bytearray(queries.nbytes + 1)
    unaligned = np.frombuffer(raw, dtype=np.float64, offset=1, count=queries.size).reshape(queries.shape)
    unaligned[:] = queries
    doubled = np.repeat(queries, 2, axis=0)
    variants = [
        np.asfortranarray(queries),
        read_only,
        unaligned,
        doubled[::2],
        queries.astype(">f8"),
        queries.tolist(),
    ]
    for variant in variants:
        assert (model.score(variant) == expected).all()


@each_algorithm
def test_whole_numbers_and_small_floats_are_taken(name: str, models: Models, queries: Floats) -> None:
    whole = np.clip(np.round(queries), -100, 100)
    expected = models[name].score(whole)
    for dtype in (np.int64, np.int8, np.float32):
        assert (models[name].score(whole.astype(dtype)) == expected).all()


@each_algorithm
def test_scoring_changes_neither_the_rows_nor_the_model(name: str, models: Models, queries: Floats) -> None:
    model = models[name]
    rows = queries.copy()
    before = {key: array.copy() for key, array in model.arrays.items()}
    model.score(rows)
    assert (rows == queries).all()
    for key, array in model.arrays.items():
        assert not array.flags.writeable
        assert (array == before[key]).all()


@each_algorithm
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_batch_scores_as_its_rows_one_by_one(name: str, data: st.DataObject, models: Models) -> None:
    model = models[name]
    n_rows = data.draw(st.integers(1, 300))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = rng.normal(size=(n_rows, 6)) * 10.0 ** data.draw(st.integers(-3, 3))
    rows[rng.random(rows.shape) < data.draw(st.sampled_from([0.0, 0.5]))] = 0.0
    together = model.score(rows)
    alone = np.concatenate([model.score(rows[i : i + 1]) for i in range(n_rows)])
    cut = data.draw(st.integers(0, n_rows))
    in_two = np.concatenate([model.score(rows[:cut]), model.score(rows[cut:])])
    assert (together == alone).all()
    assert (together == in_two).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.floats(-LARGEST, LARGEST, allow_nan=False), min_size=6, max_size=6),
    name=st.sampled_from(NAMES),
)
def test_any_usable_row_has_a_finite_score(values: list[float], name: str, models: Models) -> None:
    assert np.isfinite(models[name].score([values])).all()


def test_ten_thousand_concurrent_calls_of_mixed_sizes_and_none_wrong(models: Models, queries: Floats) -> None:
    sizes = (1, 1, 1, 2, 7, 16, 33, 150)
    expected = {name: model.score(queries) for name, model in models.items()}

    def wrong_answers(worker: int) -> int:
        chance = np.random.default_rng(worker)
        wrong = 0
        for call in range(1250):
            name = NAMES[(worker + call) % len(NAMES)]
            size = int(chance.choice(sizes))
            start = int(chance.integers(len(queries) - size + 1))
            scores = models[name].score(queries[start : start + size])
            wrong += not (scores == expected[name][start : start + size]).all()
        return wrong

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert sum(pool.map(wrong_answers, range(8))) == 0
