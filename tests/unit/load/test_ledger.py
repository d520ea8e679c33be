"""What workers report adds up: warm-up cut, waits counted, raw and folded alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pynomaly_itest.load import (
    ConstantArrivalRate,
    Endpoint,
    LoadPlan,
    Outcome,
    PoissonArrivals,
    SharedIterations,
)
from pynomaly_itest.load.frames import End
from pynomaly_itest.load.ledger import Ledger, Windows
from pynomaly_itest.load.result import LoadResult
from pynomaly_itest.load.summary import Course, summarise
from pynomaly_itest.measure import Estimate, Samples, judge, statistic
from pynomaly_itest.results import Verdict

MS = 1_000_000
PLAN = LoadPlan(
    url="http://127.0.0.1:1",
    endpoints=(Endpoint(name="a"), Endpoint(name="b", path="/b")),
    executor=ConstantArrivalRate(rate=100, duration_s=10),
    warm_up_s=1,
)
COURSE = Course([End(1.0, 10.0, 0, 0, [], [])], [], None, None, 0.95)


def row(
    due_ms: float,
    latency_ms: float,
    outcome: Outcome = Outcome.STATUS_2XX,
    *,
    lag_ms: float = 0.05,
    endpoint: int = 0,
) -> list[int]:
    due, sent = int(due_ms * MS), int((due_ms + lag_ms) * MS)
    done = int((due_ms + latency_ms) * MS)
    return [endpoint << 8 | outcome << 1 | (outcome is Outcome.STATUS_2XX), due, sent, sent, done, done]


def summary(
    rows: list[list[int]], plan: LoadPlan = PLAN, course: Course = COURSE, **ledger: int
) -> LoadResult:
    book = Ledger(plan.warm_up_s, len(plan.endpoints), **ledger)
    for part in np.array_split(np.array(rows, dtype=np.int64), 7):
        book.add_rows(part.tobytes())
    return summarise(plan, book, course)


def steady(latency_ms: float = 5.0) -> list[list[int]]:
    return [row(10 * number, latency_ms, endpoint=number % 2) for number in range(1000)]


def samples(result: LoadResult, name: str) -> Samples:
    found = result.metrics[name]
    assert isinstance(found, Samples)
    return found


def estimate(result: LoadResult, name: str) -> Estimate:
    found = result.metrics[name]
    assert isinstance(found, Estimate)
    return found


def test_a_steady_load() -> None:
    result = summary(steady())
    assert (result.requests, result.warm_up_requests, result.failures) == (900, 100, 0)
    assert result.outcomes == {"2xx": 900}
    assert statistic(samples(result, "latency_ms"), "p99").value == pytest.approx(5.0)
    assert statistic(samples(result, "service_ms"), "p99").value == pytest.approx(4.95)
    assert statistic(samples(result, "lag_ms"), "p99").value == pytest.approx(0.05)
    assert estimate(result, "rate").value == pytest.approx(100)
    assert judge(estimate(result, "rate"), ">=", 100).verdict is Verdict.PASSED
    assert judge(estimate(result, "error_ratio"), "==", 0).verdict is Verdict.PASSED
    assert estimate(result, "dropped").value == 0
    assert result.health.kept_up, result.health.reasons
    assert [second.second for second in result.seconds] == list(range(1, 10))
    assert all(second.answered == 100 for second in result.seconds[:-1])
    assert [endpoint.requests for endpoint in result.endpoints] == [450, 450]


def test_raw_and_folded_agree() -> None:
    rng = np.random.default_rng(0)
    rows = [row(10 * number, float(rng.lognormal(1, 0.5))) for number in range(1000)]
    raw, folded = summary(rows), summary(rows, raw_limit=300)
    assert samples(folded, "latency_ms").is_folded
    for name in ("latency_ms", "service_ms", "lag_ms", "error_latency_ms"):
        assert samples(folded, name).n == samples(raw, name).n
    for quantile in ("p50", "p95", "max", "mean"):
        truth = statistic(samples(raw, "latency_ms"), quantile).value
        assert statistic(samples(folded, "latency_ms"), quantile).value == pytest.approx(truth, rel=0.001)
    assert folded.outcomes == raw.outcomes
    assert folded.seconds == raw.seconds
    assert folded.endpoints[0].latency_ms.n == raw.endpoints[0].latency_ms.n
    assert estimate(folded, "rate") == estimate(raw, "rate")


def test_who_waited_for_nothing_counts_in_the_latency_and_who_was_refused_does_not() -> None:
    rows = steady()
    for number in range(500, 700):
        rows[number] = row(10 * number, 30_000, Outcome.DROPPED)
    for number in range(700, 710):
        rows[number] = row(10 * number, 0.2, Outcome.STATUS_5XX)
    result = summary(rows)
    assert result.outcomes == {"2xx": 690, "5xx": 10, "dropped": 200}
    assert samples(result, "latency_ms").n == 890
    assert statistic(samples(result, "latency_ms"), "p90").value == pytest.approx(30_000)
    assert statistic(samples(result, "error_latency_ms"), "max").value == pytest.approx(0.2)
    assert samples(result, "service_ms").n == 690
    assert estimate(result, "error_ratio").value == pytest.approx(210 / 900)
    assert estimate(result, "dropped").value == 200
    assert judge(statistic(samples(result, "latency_ms"), "p95"), "<=", 200).verdict is not Verdict.PASSED


def test_nothing_at_all_is_judged_as_nothing() -> None:
    plan = replace_executor(PoissonArrivals(rate=100, duration_s=10))
    result = summarise(plan, Ledger(1, 2), replace(COURSE, ends=[]))
    for name, metric in result.metrics.items():
        found = metric if isinstance(metric, Estimate) else statistic(metric, "p95")
        for op in ("<=", ">=", "=="):
            assert judge(found, op, 0).verdict is Verdict.INCONCLUSIVE, name  # type: ignore[arg-type]


def test_only_failures_leave_no_latency_to_judge() -> None:
    result = summary([row(10 * number, 1, Outcome.REFUSED) for number in range(1000)])
    assert samples(result, "latency_ms").n == 0
    assert estimate(result, "error_ratio").value == 1.0
    assert judge(estimate(result, "error_ratio"), "<=", 0.1).verdict is Verdict.FAILED
    assert judge(estimate(result, "goodput"), ">=", 1).verdict is not Verdict.PASSED


def test_a_rate_that_breaks_down_is_not_judged() -> None:
    rows = [row(10 * number, 5) for number in range(850)]
    rows += [row(10 * number, 30_000, Outcome.TIMED_OUT) for number in range(850, 1000)]
    result = summary(rows)
    assert "steady" in estimate(result, "rate").note
    assert judge(estimate(result, "rate"), ">=", 1).verdict is Verdict.INCONCLUSIVE


def test_a_rate_that_is_not_steady_is_judged_where_all_that_was_seen_keeps_the_limit() -> None:
    """100 a second at first, 70 at the end."""
    rows = [row(10 * number, 5) for number in range(1000) if number < 800 or number % 10 < 7]
    rate = estimate(summary(rows), "rate")
    assert "not in a steady state" in rate.note
    assert judge(rate, ">=", 20).verdict is Verdict.PASSED
    assert judge(rate, ">=", 200).verdict is Verdict.FAILED
    between = judge(rate, ">=", 85)
    assert between.verdict is Verdict.INCONCLUSIVE
    assert "not in a steady state" in between.reason


def test_a_rate_that_settles_lower_is_not_judged_by_its_beginning() -> None:
    rows = [row(10 * number, 5 if number < 600 else 5 + 5 * (number - 600)) for number in range(1000)]
    rate = estimate(summary(rows), "rate")
    assert judge(rate, ">=", 70).verdict is Verdict.INCONCLUSIVE
    assert judge(rate, ">=", 60).verdict is Verdict.PASSED
    assert judge(rate, ">=", 110).verdict is Verdict.FAILED


def test_goodput_counts_the_wait_for_the_last_answers() -> None:
    rows = [row(10 * number, 5) for number in range(1000)]
    rows[-1] = row(9990, 3010)
    result = summary(rows)
    assert result.wait_s == pytest.approx(3.0)
    assert estimate(result, "goodput").value == pytest.approx(900 / 12)


def test_iterations_last_as_long_as_they_take() -> None:
    plan = replace_executor(SharedIterations(vus=1, iterations=200), warm_up_s=0)
    result = summary([row(10 * number, 10) for number in range(200)], plan)
    assert result.duration_s == pytest.approx(2.0)
    assert estimate(result, "rate").value == pytest.approx(100)


@pytest.mark.parametrize(
    ("lag_ms", "cpu_s", "rows", "starved", "words"),
    [
        (3.0, 1.0, 1000, 0, "late by 3 ms"),
        (0.1, 8.5, 1000, 0, "busy 85 %"),
        (0.1, 1.0, 990, 0, "10 of 1000 arrivals have no result"),
        (0.1, 1.0, 1000, 7, "7 connections failed for want of sockets"),
    ],
)
def test_a_generator_that_could_not_keep_up_says_so(
    lag_ms: float, cpu_s: float, rows: int, starved: int, words: str
) -> None:
    course = replace(COURSE, ends=[End(cpu_s, 10.0, 0, starved, [], [])])
    result = summary([row(10 * number, 5, lag_ms=lag_ms) for number in range(rows)], course=course)
    assert not result.health.kept_up
    assert any(words in reason for reason in result.health.reasons), result.health.reasons


def test_a_worker_that_died_is_told() -> None:
    result = summary(steady(), course=replace(COURSE, complaints=["load worker 0 ended early: killed"]))
    assert not result.health.kept_up
    assert "killed" in result.health.reasons[0]


def test_unfinished_requests_are_neither_success_nor_failure() -> None:
    rows = steady()[:600] + [row(6000, 500, Outcome.UNFINISHED)] * 5
    result = summary(rows, course=replace(COURSE, stopped_s=6.0))
    assert result.interrupted
    assert result.duration_s == pytest.approx(5.0)
    assert result.outcomes == {"2xx": 500, "unfinished": 5}
    assert estimate(result, "error_ratio").n == 500
    assert result.failures == 0


def test_windows_stay_few_however_long_it_takes() -> None:
    windows = Windows()
    for second in range(500):
        windows.record(np.array([float(second)]), np.array([1.0 + second]))
    assert len(windows.held) <= 64
    assert sum(window.n for window in windows.held) == 500
    assert windows.held[0].least == 1.0
    assert windows.held[-1].greatest == 500.0


def replace_executor(executor: PoissonArrivals | SharedIterations, warm_up_s: float = 1.0) -> LoadPlan:
    return LoadPlan(url=PLAN.url, endpoints=PLAN.endpoints, executor=executor, warm_up_s=warm_up_s)
