"""Axes put values where they belong, with ticks that people can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.report.page.axis import Axis, spanning

_FINITE = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-6)


def test_a_linear_axis() -> None:
    axis = Axis(0, 100, 50, 450)
    assert [axis.at(value) for value in (0, 25, 100)] == [50, 150, 450]


def test_a_logarithmic_axis_gives_each_decade_the_same_room() -> None:
    axis = Axis(1, 1000, 0, 300, log=True)
    assert [axis.at(value) for value in (1, 10, 100, 1000)] == [0, 100, 200, 300]


def test_what_is_outside_stands_at_the_end() -> None:
    axis = Axis(0, 10, 0, 100)
    assert (axis.at(-5), axis.at(99)) == (0, 100)


@given(st.lists(_FINITE, min_size=1, max_size=20), st.booleans())
def test_every_value_has_room_and_ticks_are_inside(values: list[float], log: bool) -> None:
    axis = spanning(values, 0, 100, log=log)
    assert axis.low <= min(values)
    assert max(values) <= axis.high
    assert axis.low < axis.high
    ticks = axis.ticks()
    assert len(ticks) <= 12
    assert all(-0.05 <= tick.at <= 100.05 for tick in ticks)


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        (Axis(0, 100, 0, 1), ["0", "20", "40", "60", "80", "100"]),
        (Axis(0, 0.93, 0, 1), ["0", "0.2", "0.4", "0.6", "0.8"]),
        (Axis(1, 1000, 0, 1, log=True), ["1", "10", "100", "1,000"]),
        (Axis(1.2, 9, 0, 1, log=True), ["2", "3", "5"]),
    ],
)
def test_ticks_are_round(axis: Axis, labels: list[str]) -> None:
    assert [tick.label for tick in axis.ticks()] == labels


def test_nothing_to_show_still_has_an_axis() -> None:
    assert spanning([], 0, 100).high == 1.06
    assert spanning([0.0], 0, 100).high == 1.0
