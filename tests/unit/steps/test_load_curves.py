"""The pictures of loads and capacity searches hold what was seen, second by second and rate by rate."""

from __future__ import annotations

import math
from typing import Any

from pynomaly_itest.load import LoadResult, Second
from pynomaly_itest.load.result import GeneratorHealth
from pynomaly_itest.measure.curves import MOST_POINTS, thinned
from pynomaly_itest.steps.load_curves import curves_of_capacity, curves_of_load

HEALTH = GeneratorHealth(True, (), 0.1, 10.0, 0.1, 0, 1)


def result(seconds: int) -> LoadResult:
    course = tuple(
        Second(
            n, due=10, answered=9, succeeded=9, good=8, failed=1, p50_ms=1.0 + n, p95_ms=5.0, p99_ms=math.nan
        )
        for n in range(seconds)
    )
    return LoadResult({}, {}, (), course, HEALTH, 10, 0, 10.0, 0.5, 0, 0, interrupted=False, examples=())


def level(rate: float, verdict: str, **more: Any) -> dict[str, Any]:
    shown = {"achieved": rate, "good": rate - 1, "failed": 0.0, "p50_ms": 2.0, "p99_ms": 9.0}
    return {"rate": rate, "verdict": verdict, **shown, **more}


def test_a_load_is_drawn_without_its_last_second_which_is_none() -> None:
    curves = curves_of_load(result(11), 2.0)
    assert list(curves["rates"].x) == [float(n) for n in range(10)]
    assert curves["rates"].y["right and in time"] == [8.0] * 10
    assert curves["latencies"].y["p50"] == [1.0 + n for n in range(10)]
    assert curves["latencies"].y["p99"] == [None] * 10
    assert curves["rates"].begun_ago_s == 12.5


def test_a_moment_is_not_drawn() -> None:
    assert curves_of_load(result(3), 0.0) == {}
    assert curves_of_capacity([level(10, "held")], {}, 10, None) == {}


def test_hours_are_thinned() -> None:
    assert len(thinned([1.0] * 10_000)) <= MOST_POINTS
    assert thinned([math.nan, 2.0]) == [None, 2.0]
    assert thinned([]) == []


def test_a_capacity_search_is_drawn_by_rate_without_what_the_generator_spoiled() -> None:
    levels = [level(40, "broke"), level(10, "held"), level(20, "untold"), level(20, "held")]
    curves = curves_of_capacity(levels, {"p99": 100.0}, 20, 40)
    assert list(curves["rates"].x) == [10, 20, 40]
    assert curves["rates"].places == {"held": 20, "broke": 40}
    assert curves["latencies"].limits == {"p99": 100.0}
    assert list(curves["latencies"].y) == ["p50", "p99"]
    assert curves["latencies"].begun_ago_s is None
