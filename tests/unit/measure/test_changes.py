"""Change points in a history: found where there are some, not found where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.measure import change_points


def history(*levels: tuple[float, int], noise: float = 0.02, seed: int = 1) -> list[float]:
    chance = np.random.default_rng(seed)
    return [
        float(level * (1 + noise * chance.standard_normal())) for level, runs in levels for _ in range(runs)
    ]


def test_a_step_is_found_where_it_is() -> None:
    [point] = change_points(history((10.0, 15), (12.0, 10)))
    assert point.index == 15
    assert point.before == pytest.approx(10.0, rel=0.02)
    assert point.change == pytest.approx(0.2, abs=0.03)
    assert point.p <= 0.001


def test_a_high_run_before_a_step_is_not_taken_for_the_step() -> None:
    """By ranks alone it would be: the highest of the low ones is above the middle."""
    low = [36.1, 32.1, 34.0, 33.6, 35.2, 36.3, 30.8, 30.3, 36.7, 33.4, 36.1, 30.1, 33.5, 35.9, 31.8, 37.6]
    high = [62.3, 55.2, 55.2, 59.3, 62.6, 58.1, 56.8, 58.4, 55.2, 56.8]
    [point] = change_points([*low, *high])
    assert point.index == len(low)


def test_up_and_down_again_are_two() -> None:
    points = change_points(history((10.0, 20), (12.0, 15), (10.0, 20)))
    assert [abs(point.index - at) <= 1 for point, at in zip(points, (20, 35), strict=True)] == [True, True]
    assert points[0].after == pytest.approx(points[1].before)


def test_one_outlier_is_no_change() -> None:
    values = history((10.0, 25))
    values[12] = 100.0
    assert change_points(values) == ()


def test_runs_without_the_figure_are_passed_over() -> None:
    values = history((10.0, 12), (13.0, 12))
    for at in (0, 5, 13):
        values.insert(at, float("nan"))
    [point] = change_points(values)
    assert point.index == 15
    assert np.isfinite(values[point.index])


@pytest.mark.parametrize("values", [[], [1.0] * 50, [1.0, 2.0] * 3, [float("nan")] * 20])
def test_nothing_comes_of_nothing(values: list[float]) -> None:
    assert change_points(values) == ()


def test_a_level_of_zero_has_no_relative_change() -> None:
    [point] = change_points([0.0] * 12 + [5.0] * 12)
    assert (point.before, point.after, point.change) == (0.0, 5.0, None)


def test_false_alarms_are_rare() -> None:
    found = sum(bool(change_points(history((10.0, 30), seed=seed), error=0.01)) for seed in range(150))
    assert found <= 6  # 1.5 expected; more than 6 has a chance below 0.5 %


def test_the_same_history_gives_the_same_answer() -> None:
    values = history((10.0, 12), (10.6, 12), noise=0.03)
    assert change_points(values) == change_points(values)
