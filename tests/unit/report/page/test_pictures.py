"""The pictures that steps leave: drawn with limits, places and what was broken meanwhile, whatever a log holds."""

from __future__ import annotations

import math
from typing import Any

from report_builders import ended, started
from report_samples import HOSTILE

from pynomaly_itest.events import (
    CurvesRecorded,
    FaultInjected,
    RunFinished,
)
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.html import HtmlReport
from pynomaly_itest.report.page.panel import BOTTOM, LEFT, RIGHT, Panel
from pynomaly_itest.report.page.pictures import panels
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def picture(**more: Any) -> CurvesRecorded:
    fields: dict[str, Any] = {
        "at_s": 20.0,
        "scenario": "spike",
        "name": "load.rates",
        "title": "Requests a second",
        "x_label": "seconds of the load",
        "x": (0.0, 1.0, 2.0, 3.0),
        "y": {"answered": (10.0, 10.0, None, 10.0), "due": (10.0, 10.0, 10.0, 10.0)},
        "started_s": 5.0,
    }
    return CurvesRecorded(**{**fields, **more})


def run_with(*events: Any) -> RunResult:
    return fold(
        [started("spike"), *events, *ended("spike", Verdict.PASSED), RunFinished(at_s=31.0, duration_s=31.0)]
    )


def drawn(*events: Any) -> list[Panel]:
    return panels(describe(run_with(*events)).scenarios[0])


def test_a_picture_over_time_has_its_curves_and_what_was_broken_meanwhile() -> None:
    broken = FaultInjected(at_s=9.0, scenario="spike", name="paused", started_s=6.0, ended_s=7.0)
    later = FaultInjected(at_s=29.0, scenario="spike", name="killed", started_s=28.0, ended_s=29.0)
    (panel,) = drawn(broken, later, picture())
    assert [line.style for line in panel.lines] == ["curve", "high"]
    assert panel.note == "line answered, dashes due"
    (band,) = panel.bands
    assert band.x == round(LEFT + (RIGHT - LEFT) / 3, 1)  # one of three seconds after it began
    assert [mark.label for mark in panel.marks] == ["paused"]


def test_a_curve_by_rate_has_its_limit_and_the_boundarys_sides() -> None:
    capacity = picture(
        started_s=None,
        y_label="ms",
        x=(50.0, 100.0, 200.0),
        y={"p50": (1.0, 2.0, 900.0), "p99": (3.0, 9.0, 1500.0)},
        limits={"p99": 100.0},
        places={"held": 100.0, "broke": 200.0},
    )
    (panel,) = drawn(capacity)
    assert [(mark.style, mark.label, mark.upright) for mark in panel.marks] == [
        ("limit", "p99", False),
        ("quantile", "held", True),
        ("quantile", "broke", True),
    ]
    assert panel.lines[-1].style == "dots"
    assert all(tick.at <= BOTTOM for tick in panel.y_ticks)


def test_what_is_no_number_is_a_gap_and_what_is_no_picture_is_not_drawn() -> None:
    gaps = picture(x=(0.0, math.inf, 2.0, 3.0, 4.0), y={"a": (1.0, 2.0, math.nan, 4.0, 1e300, 7.0)})
    too_short = picture(x=(1.0, 2.0), y={"a": (1.0, 2.0)})
    empty = picture(y={"a": (None, None, None, None)})
    huge = picture(y={"a": (1e308, -1e308, 1e308, 1.0)})
    document = describe(run_with(gaps)).scenarios[0]
    assert document.curves[0].x == [0.0, 2.0, 3.0, 4.0]
    assert document.curves[0].y["a"] == [1.0, None, 4.0, 1e300]
    assert drawn(too_short, empty, huge) == []


def test_a_run_has_only_so_many_pictures() -> None:
    assert len(drawn(*[picture(name=f"load{n}.rates") for n in range(100)])) == 24


def test_a_page_that_is_too_heavy_leaves_them_out() -> None:
    assert panels(describe(run_with(picture())).scenarios[0], most=0) == []


def test_a_hostile_name_stays_a_text_on_the_page() -> None:
    hostile = picture(title=HOSTILE, name=HOSTILE, x_label=HOSTILE, y={HOSTILE: (1.0, 2.0, 3.0, 4.0)})
    page = HtmlReport().render(run_with(hostile))
    assert b"<script>alert(1)" not in page
    assert b"\x1b" not in page
