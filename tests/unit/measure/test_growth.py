"""A leak is told from memory that is taken once, in steps, or in waves."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.measure import judge
from pynomaly_itest.measure.growth import growth
from pynomaly_itest.verdicts import Verdict

WORK = np.linspace(0, 20_000, 80)
CHANCE = np.random.default_rng(7)
LIMIT = 300.0


def verdict(readings: np.ndarray, work: np.ndarray = WORK) -> Verdict:
    return judge(growth(list(work), list(readings), "bytes"), "<=", LIMIT).verdict


def test_a_leak_of_a_kilobyte_a_request_is_found() -> None:
    leaking = 80e6 + 1024 * WORK + CHANCE.normal(0, 100e3, WORK.size)
    found = growth(list(WORK), list(leaking), "bytes")
    assert found.value == pytest.approx(1024, rel=0.15)
    assert verdict(leaking) is Verdict.FAILED


def test_a_leak_in_whole_arenas_is_found() -> None:
    assert verdict(80e6 + np.floor(1024 * WORK / 2**20) * 2**20) is Verdict.FAILED


@pytest.mark.parametrize(
    "readings",
    [
        80e6 + 0 * WORK,
        80e6 + 30e6 * (1 - np.exp(-WORK / 1500)),  # caches fill up
        80e6 + 20e6 * (WORK > 3000),  # one big step at the beginning
        80e6 + 8e6 * (WORK > 14_000),  # and one late: taken once is no leak
        80e6 + 3e6 * np.sin(WORK / 900) + CHANCE.normal(0, 50e3, WORK.size),  # waves of a collector
    ],
)
def test_what_is_taken_once_or_given_back_is_no_leak(readings: np.ndarray) -> None:
    assert verdict(readings) is not Verdict.FAILED


def test_a_healthy_target_passes() -> None:
    assert verdict(80e6 + 30e6 * (1 - np.exp(-WORK / 1500))) is Verdict.PASSED
    assert verdict(80e6 + CHANCE.normal(0, 20e3, WORK.size)) is Verdict.PASSED


@pytest.mark.parametrize("readings", [0, 1, 2, 8])
def test_too_few_readings_say_nothing(readings: int) -> None:
    few = growth([float(n) for n in range(readings)], [1.0] * readings, "bytes")
    assert judge(few, "<=", LIMIT).verdict is Verdict.INCONCLUSIVE


def test_no_work_says_nothing() -> None:
    assert verdict(np.full(80, 80e6), np.zeros(80)) is Verdict.INCONCLUSIVE
