"""Trends: aligned to their runs, what is worse first, one group a profile and target."""

from __future__ import annotations

from pathlib import Path

from past_runs import write_run

from pynomaly_itest.history.archive import Archive
from pynomaly_itest.history.plot import trend_view
from pynomaly_itest.history.side_by_side import figure_pairs, scenario_pairs
from pynomaly_itest.history.trend import groups, sparkline, trends
from pynomaly_itest.verdicts import Verdict


def test_runs_of_other_profiles_and_targets_have_no_trend_together(tmp_path: Path) -> None:
    write_run(tmp_path, 1, 30)
    write_run(tmp_path, 2, 30, url="http://127.0.0.1:9999")
    write_run(tmp_path, 3, 30, profile="smoke", kind="url", url="https://a.example")
    write_run(tmp_path, 4, 30, profile="smoke", kind="url", url="https://b.example")
    found = [
        (group.profile, group.target, len(group.runs)) for group in groups(Archive(tmp_path).look().runs)
    ]
    assert found == [
        ("smoke", "https://b.example", 1),
        ("smoke", "https://a.example", 1),
        ("performance", "bundled", 2),
    ]


def test_a_trend_is_aligned_to_its_runs(tmp_path: Path) -> None:
    for day, p95 in ((1, 30.0), (2, 31.0), (3, 60.0)):
        write_run(tmp_path, day, p95)
    write_run(tmp_path, 4, 33, finished=False)
    runs = Archive(tmp_path).look().runs
    judged = trends(runs)[0]
    assert judged.key.name == "detect.latency_ms.p95"
    assert [figure.value for figure in judged.figures if figure] == [30, 31, 60, 33]
    view = trend_view(judged, runs)
    assert view is not None
    assert [dot.style for dot in view.dots] == ["passed", "passed", "failed", "passed"]
    assert view.dots[2].y < view.dots[1].y
    assert [mark.label for mark in view.marks] == ["limit"]


def test_a_far_limit_is_said_not_drawn(tmp_path: Path) -> None:
    for day in (1, 2):
        write_run(tmp_path, day, 2, limit_ms=1000)
    runs = Archive(tmp_path).look().runs
    view = trend_view(trends(runs)[0], runs)
    assert view is not None
    assert view.marks == []
    assert view.note == "the limit lies above the plot"


def test_one_run_is_no_trend(tmp_path: Path) -> None:
    write_run(tmp_path, 1, 30)
    assert trends(Archive(tmp_path).look().runs) == []


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    write_run(tmp_path, 1, 40)
    write_run(tmp_path, 2, 60)
    a, b = Archive(tmp_path).look().runs
    first, second = scenario_pairs(a, b)
    assert (first.id, first.a, first.b, first.changed) == ("detection", Verdict.PASSED, Verdict.FAILED, True)
    assert (second.id, second.changed) == ("upload", False)
    p95 = figure_pairs(a, b)[0]
    assert (p95.key.name, p95.change) == ("detect.latency_ms.p95", 0.5)


def test_sparklines() -> None:
    assert sparkline([1, 2, 3, None, 8]) == "▁▂▃·█"
    assert sparkline([4, 4]) == "▄▄"
    assert sparkline([None]) == "·"
    assert sparkline([]) == ""
