"""Two lists that differ are told by their lengths, or by the first place and the largest difference."""

from __future__ import annotations

from typing import Any

import pytest

from pynomaly_itest.differences import difference, is_long, size_of

SCORES = [float(number) for number in range(1000)]


def changed(**places: float) -> list[float]:
    found = list(SCORES)
    for place, value in places.items():
        found[int(place[1:])] = value
    return found


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (SCORES, SCORES[:900], "1,000 items against 900 items; the first 900 are equal"),
        (changed(_7=0.5), SCORES[:900], "1,000 items against 900 items; they differ from [7] on"),
        (SCORES, [], "1,000 items against 0 items"),
        (SCORES, changed(_12=12.5), "1 of 1,000 items differs: first [12], 12.0 against 12.5"),
        (
            SCORES,
            changed(_12=12.5, _700=0.0),
            "2 of 1,000 items differ: first [12], 12.0 against 12.5; the largest difference is 700, at [700]",
        ),
        (
            [{"id": "a", "n": 1}, {"id": "b", "n": 2}],
            [{"id": "a", "n": 1}, {"id": "b", "n": 3}],
            "[1].n, 2 against 3",
        ),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "1 of 2 items differs: first .a.b[1], 2 against 3"),
        ({"a": 1, "b": 2}, {"a": 1}, ".b is not there on the right"),
        ({"a": 1}, {"a": 1, "b": 2, "c": 3}, ".b and 1 more names is not there on the left"),
        (["x"] * 100, ["x"] * 99 + ["y"], "1 of 100 items differs: first [99], 'x' against 'y'"),
        ([float("nan")], [1.0], "1 of 1 item differs: first [0], nan against 1.0"),
    ],
)
def test_the_difference_is_told_by_lengths_or_by_place_and_size(one: Any, other: Any, text: str) -> None:
    found = difference(one, other)
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(("one", "other"), [(SCORES, SCORES), ([1], {"a": 1}), (1, 2), ("a", "b")])
def test_what_is_equal_or_not_two_of_a_kind_has_no_difference(one: Any, other: Any) -> None:
    assert difference(one, other) is None


def test_what_a_target_nests_without_end_ends_the_walk() -> None:
    one: list[Any] = []
    other: list[Any] = [1]
    for _ in range(200):
        one, other = [one], [other]
    found = difference(one, other)
    assert found is not None
    assert len(found.text) < 400


def test_only_what_does_not_fit_a_line_is_told_by_its_length() -> None:
    assert not is_long([200, 201])
    assert not is_long("x" * 1000)
    assert is_long(SCORES)
    assert (size_of(SCORES), size_of([1]), size_of({"a": 1})) == ("1,000 items", "1 item", "1 name")
