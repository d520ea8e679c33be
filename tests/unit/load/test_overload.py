"""What the engine says of targets with a known limit, and of wrong answers, each in a second or two."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest
from limited import limited

from pynomaly_itest.load import (
    ConstantArrivalRate,
    Endpoint,
    Executor,
    LoadPlan,
    LoadResult,
    RampingArrivalRate,
    SharedIterations,
    Stage,
    run_load,
)
from pynomaly_itest.load.answers import Answer, learn
from pynomaly_itest.load.objectives import Abort, Objective
from pynomaly_itest.load.pacers import rate_at
from pynomaly_itest.measure import Absence, Estimate

BODIES = tuple(b"body %d" % number for number in range(8))
POST = Endpoint(method="POST", path="/predict", bodies=BODIES)


def put(url: str, executor: Executor, endpoint: Endpoint = POST, **more: Any) -> LoadResult:
    abort = more.pop("abort", None)
    plan = LoadPlan(url=url, endpoints=(endpoint,), executor=executor, **more)
    return asyncio.run(run_load(plan, abort=abort))


def figure(result: LoadResult, name: str) -> float:
    found = result.metrics[name]
    assert isinstance(found, Estimate), name
    return found.value


def knowing(url: str) -> Endpoint:
    """The endpoint with the answers that its bodies get when each is asked alone."""
    return POST.__class__(
        method="POST", path="/predict", bodies=BODIES, answers=tuple(_alone(url, body) for body in BODIES)
    )


def _alone(url: str, body: bytes) -> Answer:
    import httpx

    replies = [httpx.post(f"{url}/predict", content=body, trust_env=False).content for _ in range(2)]
    return learn(replies, ("anomaly_scores", "anomaly_labels"))


def test_what_is_shed_is_counted_and_does_not_hang() -> None:
    with limited("serial", "--ms", "10", "--most", "5") as server:
        result = put(server.url, ConstantArrivalRate(rate=250, duration_s=2), timeout_s=2.0)
    assert 0.3 < figure(result, "shed") / 500 < 0.8
    assert figure(result, "shed_with_retry_after") == 1.0
    assert figure(result, "hung") == figure(result, "unanswered") == 0
    assert figure(result, "error_ratio") == figure(result, "shed") / 500
    assert result.outcomes["shed"] == figure(result, "shed")


def test_a_refusal_that_does_not_say_when_to_come_back_is_told_apart() -> None:
    with limited("serial", "--ms", "10", "--most", "3", "--rude") as server:
        result = put(server.url, ConstantArrivalRate(rate=200, duration_s=1), timeout_s=2.0)
    assert figure(result, "shed_with_retry_after") == 0.0
    assert figure(result, "shed") > 50


def test_what_was_never_shed_has_no_share() -> None:
    with limited("serial", "--ms", "1") as server:
        result = put(server.url, ConstantArrivalRate(rate=50, duration_s=1), timeout_s=2.0)
    assert figure(result, "shed") == 0
    assert math.isnan(figure(result, "shed_with_retry_after"))


def test_a_target_that_queues_without_end_hangs() -> None:
    with limited("serial", "--ms", "20") as server:
        result = put(server.url, ConstantArrivalRate(rate=150, duration_s=2), timeout_s=0.5)
    assert figure(result, "hung") > 50
    assert figure(result, "unanswered") == figure(result, "hung")
    assert figure(result, "shed") == 0


def test_late_answers_are_no_goodput() -> None:
    with limited("serial", "--ms", "15") as server:
        late = put(server.url, ConstantArrivalRate(rate=30, duration_s=1.5), objective_ms=5.0)
        early = put(server.url, ConstantArrivalRate(rate=30, duration_s=1.5), objective_ms=500.0)
    assert figure(late, "goodput_ratio") == figure(late, "goodput") == 0.0
    assert figure(late, "error_ratio") == 0.0
    assert figure(early, "goodput_ratio") > 0.9


def test_right_answers_are_verified() -> None:
    with limited("serial") as server:
        result = put(server.url, SharedIterations(vus=8, iterations=400), knowing(server.url))
    assert result.outcomes == {"2xx": 400}
    assert (figure(result, "verified"), figure(result, "wrong"), figure(result, "swapped")) == (400, 0, 0)


@pytest.mark.parametrize(("mode", "outcome"), [("swap", "swapped"), ("wrong", "wrong_answer")])
def test_swapped_and_wrong_answers_are_found_and_told_apart(mode: str, outcome: str) -> None:
    with limited(mode) as server:
        result = put(server.url, SharedIterations(vus=8, iterations=600), knowing(server.url))
    assert set(result.outcomes) == {"2xx", outcome}
    assert figure(result, "wrong") == result.outcomes[outcome] > 5
    assert figure(result, "swapped") == (result.outcomes[outcome] if mode == "swap" else 0)
    assert result.examples[0]["outcome"] == outcome
    assert "anomaly_scores" in result.examples[0]["body"]


def test_where_all_bodies_have_one_answer_swapped_ones_can_not_be_told() -> None:
    with limited("serial") as server:
        one = Endpoint(method="POST", bodies=(b"x",), answers=(_alone(server.url, b"x"),))
        result = put(server.url, SharedIterations(vus=2, iterations=20), one)
    assert isinstance(result.metrics["swapped"], Absence)
    assert figure(result, "wrong") == 0


def test_a_load_ends_itself_where_the_target_breaks() -> None:
    """100 requests a second are what it can carry; the ramp goes to 500 in 10 s, so it is there after 2 s."""
    ramp = RampingArrivalRate(start_rate=0, stages=(Stage(10, 500),))
    abort = Abort((Objective("latency_ms.p95", 150.0),), after_s=0.5)
    with limited("serial", "--ms", "10") as server:
        result = put(server.url, ramp, timeout_s=2.0, abort=abort)
    assert result.broke_why is not None
    assert "latency_ms.p95 was" in result.broke_why
    assert result.broke_s is not None
    assert 80 <= rate_at(ramp, result.broke_s) <= 250
    assert result.requests < 1500


def test_a_load_that_keeps_its_objectives_goes_on_to_its_end() -> None:
    abort = Abort((Objective("latency_ms.p95", 5000.0), Objective("error_ratio", 0.01)), after_s=0.5)
    with limited("serial") as server:
        result = put(server.url, ConstantArrivalRate(rate=50, duration_s=2), abort=abort)
    assert (result.broke_s, result.requests, result.interrupted) == (None, 100, False)


def test_errors_end_a_load_too() -> None:
    abort = Abort((Objective("error_ratio", 0.1),), after_s=0.3)
    with limited("serial", "--ms", "50", "--most", "1") as server:
        result = put(server.url, ConstantArrivalRate(rate=100, duration_s=20), abort=abort)
    assert result.broke_why is not None
    assert "error_ratio" in result.broke_why


def test_seconds_tell_what_was_due_and_what_was_good() -> None:
    with limited("serial") as server:
        result = put(server.url, ConstantArrivalRate(rate=50, duration_s=2), objective_ms=1000.0)
    assert [second.due for second in result.seconds[:2]] == [50, 50]
    assert sum(second.good for second in result.seconds) >= 98
    assert replace(result.seconds[0]).failed == 0
