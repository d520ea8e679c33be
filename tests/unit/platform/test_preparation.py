"""Columns become the same matrix at training and ever after."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly.domain.datasets import Block, Column, ColumnKind, target_labels
from pynomaly.domain.errors import DimensionMismatch, InvalidInput, NonFiniteValues
from pynomaly.domain.preparation import MAX_CATEGORIES, learn_preparation

N, C = ColumnKind.NUMERIC, ColumnKind.CATEGORICAL


def block(**columns):
    arrays = {
        name: np.array(values, object if any(isinstance(v, str) for v in values) else float)
        for name, values in columns.items()
    }
    return Block(arrays, len(next(iter(columns.values()))))


def test_missing_numbers_become_the_training_median_over_all_blocks():
    learned = learn_preparation([Column("a", N)], [block(a=[1.0, 2.0]), block(a=[np.nan, 9.0])])
    assert learned.matrix(block(a=[np.nan, 5.0])).tolist() == [[2.0], [5.0]]


def test_a_column_that_was_missing_altogether_becomes_zero():
    learned = learn_preparation([Column("a", N)], [block(a=[np.nan, np.nan])])
    assert learned.matrix(block(a=[np.nan])).tolist() == [[0.0]]


def test_categories_become_their_share_and_unknown_ones_zero():
    learned = learn_preparation([Column("a", C)], [block(a=["x", "x", "y"]), block(a=["x"])])
    assert learned.matrix(block(a=["x", "y", "z"])).tolist() == [[0.75], [0.25], [0.0]]
    assert learned.is_numeric is False


def test_numbers_that_were_text_at_training_are_the_same_categories():
    learned = learn_preparation([Column("a", C)], [block(a=["1", "1", "b", "2"])])
    assert learned.matrix(block(a=[1.0, 2.0, 3.0])).tolist() == [[0.5], [0.25], [0.0]]


def test_identifiers_are_left_out():
    many = block(id=[f"row {i}" for i in range(MAX_CATEGORIES + 1)], a=[1.0] * (MAX_CATEGORIES + 1))
    learned = learn_preparation([Column("id", C), Column("a", N)], [many])
    assert learned.names == ("a",)
    with pytest.raises(InvalidInput):
        learn_preparation([Column("id", C)], [many])


def test_the_order_of_the_columns_is_that_of_the_training():
    learned = learn_preparation([Column("a", N), Column("b", N)], [block(a=[1.0], b=[2.0])])
    assert learned.matrix(block(b=[4.0], extra=[9.0], a=[3.0])).tolist() == [[3.0, 4.0]]


def test_what_can_not_be_encoded_is_refused():
    learned = learn_preparation([Column("a", N)], [block(a=[1.0])])
    with pytest.raises(DimensionMismatch, match="'a'"):
        learned.matrix(block(b=[1.0]))
    with pytest.raises(NonFiniteValues):
        learned.matrix(block(a=[np.inf]))
    with pytest.raises(InvalidInput):
        learned.matrix(block(a=["x"]))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 1.0, 1.0], [0, 1, 1]),
        ([1.0, -1.0, 1.0], [0, 1, 0]),
        (["normal", "outlier", "0"], [0, 1, 0]),
        (["no", "Yes", "FALSE"], [0, 1, 0]),
    ],
)
def test_labels_of_every_convention(values, labels):
    array = np.array(values, object) if isinstance(values[0], str) else np.array(values)
    assert target_labels(array).tolist() == labels


@pytest.mark.parametrize(
    ("values", "row"),
    [
        (np.array([0.0, np.nan]), 12),
        (np.array(["no", None], object), 12),
        (np.array([1.0, 2.0]), 12),
        (np.array([0.0, -1.0]), 11),
        (np.array(["attack"], object), 11),
    ],
)
def test_what_is_no_label_is_refused_with_its_row(values, row):
    with pytest.raises(InvalidInput, match=f"row {row} of the data"):
        target_labels(values, first_row=10)
