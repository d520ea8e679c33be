"""A bullet chart shows the forbidden side on the right side of the limit."""

from __future__ import annotations

import math
from typing import Any

import pytest
from report_builders import gate, one

from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.page.bullet import WIDTH, Bullet, bullet
from pynomaly_itest.verdicts import Verdict


def _bullet(**fields: Any) -> Bullet | None:
    return bullet(describe(one(Verdict.PASSED, gate("a", **fields))).scenarios[0].gates[0])


def test_at_most() -> None:
    chart = _bullet(op="<=", observed=8.4, limit=100, interval=(8.1, 8.9))
    assert chart is not None
    assert chart.observed < chart.limit
    assert chart.forbidden is not None
    assert chart.forbidden.x == chart.limit
    assert chart.forbidden.x + chart.forbidden.width == WIDTH
    assert chart.interval is not None
    assert chart.interval.x < chart.observed < chart.interval.x + chart.interval.width


def test_at_least() -> None:
    chart = _bullet(op=">=", observed=0.83, limit=0.6, unit="1")
    assert chart is not None
    assert chart.forbidden is not None
    assert (chart.forbidden.x, chart.forbidden.width) == (0.0, chart.limit)
    assert chart.observed > chart.limit


def test_a_broken_limit_is_in_the_forbidden_part() -> None:
    chart = _bullet(op="<=", observed=61.2, limit=50)
    assert chart is not None
    assert chart.forbidden is not None
    assert chart.observed > chart.forbidden.x


def test_far_apart_is_logarithmic() -> None:
    chart = _bullet(op="<=", observed=0.5, limit=5000)
    assert chart is not None
    assert chart.log
    assert chart.observed > 15


def test_an_open_interval_reaches_the_edge() -> None:
    chart = _bullet(op="<=", observed=47.2, limit=50, interval=(9.0, math.inf))
    assert chart is not None
    assert chart.interval is not None
    assert chart.interval.x + chart.interval.width == WIDTH


@pytest.mark.parametrize(
    "fields",
    [
        {"op": "==", "observed": 0.0, "limit": 0},
        {"op": "<=", "observed": -5.0, "limit": -2},
        {"op": "<", "observed": 1e-140, "limit": 1e140},
        {"op": "matches", "observed": 1, "limit": 1},
        {"op": "<=", "observed": 3.0, "limit": 2.0, "interval": (math.nan, math.inf)},
    ],
)
def test_odd_values_stay_on_the_chart(fields: dict[str, Any]) -> None:
    chart = _bullet(**fields)
    assert chart is not None
    assert 0 <= chart.observed <= WIDTH
    assert 0 <= chart.limit <= WIDTH


@pytest.mark.parametrize(
    ("observed", "limit"), [(None, 1), (1, None), ("yes", "yes"), (True, 1), (math.nan, 1), (1e200, 1)]
)
def test_what_is_no_number_has_no_chart(observed: object, limit: object) -> None:
    assert _bullet(op="<=", observed=observed, limit=limit) is None
