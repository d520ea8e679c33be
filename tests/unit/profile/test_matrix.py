"""The matrix: a cell per combination, with include and exclude."""

from __future__ import annotations

import pytest

from pynomaly_itest.profile.matrix import MatrixFault, cell_id, cell_ids, cells


def test_every_combination_the_last_name_fastest() -> None:
    assert cells({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_without_a_matrix_there_is_one_cell() -> None:
    assert cells({}) == [{}]
    assert cell_id({}) == ""


def test_exclude_takes_out_what_has_all_its_values() -> None:
    found = cells({"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 1, "b": "x"}, {"b": "y"}]})
    assert found == [{"a": 2, "b": "x"}]


def test_include_adds_to_cells_it_agrees_with_or_is_one_of_its_own() -> None:
    found = cells({"a": [1, 2], "include": [{"a": 1, "c": "more"}, {"a": 3}]})
    assert found == [{"a": 1, "c": "more"}, {"a": 2, "c": None}, {"a": 3, "c": None}]


def test_include_alone() -> None:
    assert cells({"include": [{"a": 1}, {"a": 2}]}) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ({"a": []}, "'a' is empty: nothing would run"),
        ({"a": 3}, "'a' must be a list of values"),
        ({"a": [1], "exclude": [{"a": 1}]}, "has no cell: nothing would run"),
        ({"a": [1], "exclude": [{"b": 1}]}, "names 'b', which the matrix doesn't have"),
        ({"a": [1], "include": [3]}, "'include' must be a list of mappings"),
        ({"a": list(range(40)), "b": list(range(40))}, "1,600 cells, more than 1,000"),
    ],
)
def test_what_is_no_matrix(matrix: dict[str, object], message: str) -> None:
    with pytest.raises(MatrixFault, match=message):
        cells(matrix)


def test_ids_say_the_cell() -> None:
    assert cell_id({"algorithm": "lof", "rows": 100, "fast": True, "none": None}) == (
        "[algorithm=lof,rows=100,fast=true]"
    )
    assert cell_id({"a": "x\ny" + "z" * 100}) == f"[a=x y{'z' * 56}…]"
    assert cell_id({"a": {"name": "small", "rows": 3}, "b": [1, 2]}) == "[a=small,b=1+2]"


def test_ids_name_the_cells_in_order_and_null_leaves_one_as_it_was() -> None:
    matrix = {"rows": [1, 100, 1000], "ids": ["one", None, "many"]}
    found = cells(matrix)
    assert found == [{"rows": 1}, {"rows": 100}, {"rows": 1000}]
    assert cell_ids(matrix, found) == ["[one]", "[rows=100]", "[many]"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["one"], "a name for each of its 2 cells: it has 1"),
        ("one", "must be a list"),
        (["a", "b]"], "is no name"),
        (["a", "*"], "is no name"),
    ],
)
def test_ids_that_do_not_fit_are_told(ids: object, message: str) -> None:
    matrix = {"rows": [1, 100], "ids": ids}
    with pytest.raises(MatrixFault, match=message):
        cell_ids(matrix, cells(matrix))
