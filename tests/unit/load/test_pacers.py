"""The load's shape, tested without a clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.load.executors import (
    ConstantArrivalRate,
    PoissonArrivals,
    RampingArrivalRate,
    RampingVus,
    Stage,
)
from pynomaly_itest.load.pacers import (
    ConstantPacer,
    Pacer,
    PoissonPacer,
    RampingPacer,
    pace,
    pacer_of,
    users_at,
)

NS = 1_000_000_000
EVERYTHING = 10_000_000
rates = st.floats(0.1, 5000)
durations = st.floats(0.01, 20)
stages = st.lists(st.builds(Stage, st.floats(0, 5), st.floats(0, 500)), min_size=1, max_size=5).map(tuple)


@given(rates, durations)
def test_constant_arrivals_are_even_and_all_within_the_time(rate: float, duration_s: float) -> None:
    due = ConstantPacer(rate, duration_s).arrivals(0, EVERYTHING)
    assert due[0] == 0
    assert due[-1] < duration_s * NS + 1
    assert abs(due.size - rate * duration_s) <= 1
    if due.size > 1:
        assert np.ptp(np.diff(due)) <= 1


@given(stages, st.floats(0, 500))
def test_ramps_never_go_back_and_number_the_integral_of_the_rate(
    ramp: tuple[Stage, ...], start: float
) -> None:
    due = RampingPacer(start, ramp).arrivals(0, EVERYTHING)
    assert (np.diff(due) >= 0).all()
    levels = [start, *(stage.target for stage in ramp)]
    area = sum(stage.duration_s * (a + b) / 2 for stage, a, b in zip(ramp, levels, levels[1:], strict=False))
    assert abs(due.size - area) <= 1
    if due.size:
        assert due[0] >= 0
        assert due[-1] <= sum(stage.duration_s for stage in ramp) * NS + 1


def test_a_ramp_spends_its_time_where_its_rate_is_high() -> None:
    due = RampingPacer(0, (Stage(1, 100), Stage(1, 100), Stage(0, 20), Stage(1, 20))).arrivals(0, EVERYTHING)
    per_half = np.histogram(due, bins=6, range=(0, 3 * NS))[0]
    assert per_half.tolist() == pytest.approx([12.5, 37.5, 50, 50, 10, 10], abs=1.5)


@given(st.integers(0, 50_000), st.integers(1, 9000), st.integers(0, 5))
def test_any_stretch_of_poisson_arrivals_is_the_same_as_within_the_whole(
    first: int, count: int, seed: int
) -> None:
    whole = PoissonPacer(1000, 40, seed).arrivals(0, EVERYTHING // 200)
    part = PoissonPacer(1000, 40, seed).arrivals(first, count)
    assert np.array_equal(part, whole[first : first + count])


def test_poisson_gaps_are_exponential() -> None:
    due = PoissonPacer(500, 60, 3).arrivals(0, 100_000)
    gaps = np.diff(due) / NS
    assert due.size == pytest.approx(30_000, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)
    assert np.corrcoef(gaps[1:], gaps[:-1])[0, 1] == pytest.approx(0, abs=0.03)
    assert not np.array_equal(due[:100], PoissonPacer(500, 60, 4).arrivals(0, 100))


@pytest.mark.parametrize(
    "pacer", [ConstantPacer(7, 3), RampingPacer(1, (Stage(2, 9), Stage(1, 0))), PoissonPacer(9, 3, 1)]
)
def test_pace_says_how_long_to_wait_and_when_to_stop(pacer: Pacer) -> None:
    due = pacer.arrivals(0, EVERYTHING // 100).tolist()
    for hits, at in enumerate(due):
        assert pace(pacer, 0, hits).wait_ns == at
        assert pace(pacer, at + 5, hits).wait_ns == 0
        assert not pace(pacer, at + 5, hits).stop
    assert pace(pacer, 0, len(due)).stop


def test_executors_name_their_pacers() -> None:
    assert pacer_of(ConstantArrivalRate(rate=5, duration_s=2), 0) == ConstantPacer(5, 2)
    assert pacer_of(PoissonArrivals(rate=5, duration_s=2), 9) == PoissonPacer(5, 2, 9)
    assert pacer_of(RampingArrivalRate(stages=(Stage(1, 2),)), 0) == RampingPacer(0, (Stage(1, 2),))


@pytest.mark.parametrize(
    ("at", "users"), [(0, 2), (0.5, 6), (1, 10), (2.5, 10), (3, 3), (3.9, 3), (4, 0), (9, 0)]
)
def test_users_of_a_ramp(at: float, users: int) -> None:
    ramp = RampingVus(start_vus=2, stages=(Stage(1, 10), Stage(2, 10), Stage(0, 3), Stage(1, 3)))
    assert users_at(ramp, at) == users
