"""The search for a boundary on simulated targets: known capacities, noise, cliffs, and none at all."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.load.search import Boundary, Bounds, Trial, boundary, next_level

BOUNDS = Bounds(first=10, most=10_000, precision=0.1)


def search(holds: Callable[[float], bool], bounds: Bounds = BOUNDS, most_tests: int = 200) -> list[Trial]:
    """All tests until the search ends by itself."""
    trials: list[Trial] = []
    while (level := next_level(trials, bounds)) is not None:
        assert len(trials) < most_tests, "the search does not end"
        trials.append(Trial(level, holds(level)))
    return trials


def found(trials: list[Trial], bounds: Bounds = BOUNDS) -> tuple[float, float]:
    ends = boundary(trials, bounds)
    assert ends.is_final
    return ends.held or 0.0, ends.broken or math.inf


@given(capacity=st.floats(10, 9_999), precision=st.floats(0.01, 0.5), first=st.floats(1, 10))
def test_a_known_capacity_lies_between_the_sides_which_are_as_near_as_asked(
    capacity: float, precision: float, first: float
) -> None:
    bounds = Bounds(first, 10_000, precision)
    held, broken = found(search(lambda level: level <= capacity, bounds), bounds)
    assert held <= capacity < broken
    assert broken <= held * (1 + precision) * 1.0001
    assert held >= first


@given(capacity=st.floats(10, 9_999))
def test_both_sides_are_tested_twice_and_it_takes_few_tests(capacity: float) -> None:
    trials = search(lambda level: level <= capacity)
    held, broken = found(trials)
    assert [sum(trial.level == side for trial in trials) for side in (held, broken)] == [2, 2]
    widening, bisecting = math.log2(10_000 / 10) + 1, math.log2(math.log(2) / math.log(1.1)) + 2
    assert len(trials) <= widening + bisecting + 3


@given(capacity=st.floats(20, 9_000), seed=st.integers(0, 10_000), noise=st.floats(0, 0.2))
def test_tests_that_are_disturbed_now_and_then_do_not_mislead_it_far(
    capacity: float, seed: float, noise: float
) -> None:
    """Each test goes wrong with up to 20 %: a level is decided by its majority, so the search ends all the same."""
    chance = random.Random(f"{seed}")  # noqa: S311 - noise, not a secret
    trials = search(lambda level: (level <= capacity) == (chance.random() >= noise))
    assert boundary(trials, BOUNDS).is_final
    if noise == 0:
        held, broken = found(trials)
        assert held <= capacity < broken


@given(which=st.integers(0, 12), capacity=st.floats(20, 9_000))
def test_a_single_disturbed_test_does_not_move_the_boundary(which: int, capacity: float) -> None:
    asked = iter(range(1000))
    trials = search(lambda level: (level <= capacity) == (next(asked) != which))
    held, broken = found(trials)
    assert held <= capacity < broken


def test_one_disturbed_level_on_the_way_up_is_tested_again() -> None:
    """40 breaks once though it would hold: its second and third test say so, and the search goes on above it."""
    disturbed = iter([True])
    trials = search(lambda level: level <= 500 and not (level == 40 and next(disturbed, False)))
    held, broken = found(trials)
    assert held <= 500 < broken


def test_what_holds_at_the_highest_level_has_no_other_side() -> None:
    trials = search(lambda level: True)
    assert boundary(trials, BOUNDS) == Boundary(10_000, None, is_final=True)
    assert [trial.level for trial in trials][-2:] == [10_000, 10_000]


def test_what_breaks_at_the_first_level_is_looked_for_below() -> None:
    held, broken = found(search(lambda level: level <= 3.3))
    assert held <= 3.3 < broken


def test_what_never_holds_has_no_lower_side() -> None:
    trials = search(lambda level: False)
    assert boundary(trials, BOUNDS) == Boundary(None, BOUNDS.least, is_final=True)


def test_a_boundary_that_is_not_found_yet_is_not_final() -> None:
    assert boundary([], BOUNDS) == Boundary(None, None, is_final=False)
    assert boundary([Trial(10, True), Trial(20, False)], BOUNDS) == Boundary(10, 20, is_final=False)


def test_two_tests_that_disagree_ask_for_a_third() -> None:
    trials = [Trial(10, True), Trial(20, True), Trial(40, False), Trial(20, False)]
    assert next_level(trials, BOUNDS) == 20


@pytest.mark.parametrize("precision", [0.01, 0.1, 1.0])
def test_a_first_level_that_is_the_highest_ends_after_two_tests(precision: float) -> None:
    assert len(search(lambda level: True, Bounds(50, 50, precision))) == 2
