"""What neighbours on the machine do to times: a pass stands, a failure may be theirs."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import Doubt, Estimate, Samples, exact
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.steps.crowd import Crowd, doubted
from pynomaly_itest.target.neighbours import Shares, Usage

QUIET = Usage(busy_s=100.0, idle_s=100.0, known_s=40.0)


@pytest.mark.parametrize(
    ("busy_s", "idle_s", "known_s", "is_crowded"),
    [
        (8.0, 2.0, 7.5, False),  # nearly all of it is ours: a slow target is slow by itself
        (10.0, 0.0, 10.0, False),
        (8.0, 2.0, 4.0, True),
        (10.0, 0.0, 8.0, True),
        (6.0, 4.0, 1.0, False),  # others are busy, and there is room for us
        (0.0, 0.0, 0.0, False),
    ],
)
def test_neighbours_crowd_where_they_take_much_and_leave_little(
    busy_s: float, idle_s: float, known_s: float, is_crowded: bool
) -> None:
    after = Usage(QUIET.busy_s + busy_s, QUIET.idle_s + idle_s, QUIET.known_s + known_s)
    shares = Shares.between(QUIET, after)
    why = None if shares is None else shares.crowding
    assert (why is not None) is is_crowded
    if why is not None:
        assert "measure again when it is quieter" in why
    assert Shares.between(None, after) is None


def test_usage_is_read_from_the_first_line_of_proc_stat() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    line = "cpu " + " ".join(str(number * ticks) for number in (5, 1, 2, 30, 10, 0, 1, 1, 99, 99))
    assert Usage.read(line, 3.0) == Usage(busy_s=20.0, idle_s=30.0, known_s=13.0)


def test_a_target_that_is_not_ours_is_never_excused() -> None:
    assert Usage.now(None) is None
    crowd = Crowd(SimpleNamespace(root_pid=lambda: None))  # type: ignore[arg-type]  # all it asks
    values = {"latency_ms": Samples.of("latency_ms", [1.0], "ms")}
    assert crowd.doubting(values) == values
    here = Usage.now(os.getpid())
    assert here is None or here.known_s > 0


def test_a_late_generator_on_a_crowded_machine_is_excused_by_both() -> None:
    slow = Samples.of("latency_ms", [200.0] * 300, "ms")
    late = replace(slow, doubt=Doubt("it was late", "high", slow))
    assert (
        judge_condition(parse("own.latency_ms.p95 <= 100ms"), {"own": {"latency_ms": late}}).verdict
        == "failed"
    )
    found = doubted({"latency_ms": late}, "others took 60 %")
    judged = judge_condition(parse("own.latency_ms.p95 <= 100ms"), {"own": found})
    assert judged.verdict == "inconclusive"
    assert "it was late; others took 60 %" in judged.reason


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [
        ("own.latency_ms.p95 <= 100ms", "passed"),
        ("own.latency_ms.p95 <= 1ms", "inconclusive"),
        ("own.rate >= 5", "passed"),
        ("own.rate >= 500", "inconclusive"),
        ("own.samples_per_second >= 500", "inconclusive"),
        ("own.error_ratio <= 0.1", "failed"),
        ("own.rows.mean <= 1", "failed"),
    ],
)
def test_a_pass_stands_and_a_failure_of_time_or_rate_does_not(gate: str, verdict: str) -> None:
    rate = Estimate(50.0, "1/s", 500, 48.0, 52.0, 0.95)
    values = {
        "latency_ms": Samples.of("latency_ms", [20.0] * 300, "ms"),
        "rate": rate,
        "samples_per_second": lambda _: rate,
        "error_ratio": exact(0.5, "1", 300),
        "rows": Samples.of("rows", [10.0, 11.0] * 50, "1"),
    }
    judged = judge_condition(parse(gate), {"own": doubted(values, "others took 60 %")})
    assert judged.verdict == verdict
    assert ("others took 60 %" in judged.reason) is (verdict == "inconclusive")
