"""What a load is told to verify and to watch, on real servers of a second or two and on made-up ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
from limited import limited
from lying_platform import run_step

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence, StepFailed
from pynomaly_itest.gates import judge_condition
from pynomaly_itest.load import ConstantArrivalRate, ConstantVus, Endpoint, LoadPlan, Progress, run_load
from pynomaly_itest.load.result import GeneratorHealth, LoadResult
from pynomaly_itest.measure import Absence, Estimate, Samples, exact, judge, proportion
from pynomaly_itest.profile.expression import check_value, parse
from pynomaly_itest.shapes import Record
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.capacity import Capacity
from pynomaly_itest.steps.load import Load
from pynomaly_itest.steps.load_leaks import LeakWatch
from pynomaly_itest.steps.load_limits import objectives_of
from pynomaly_itest.steps.load_requests import Part, Verify, references_of, verified
from pynomaly_itest.steps.load_shapes import executor_of_shape
from pynomaly_itest.steps.load_values import values_of
from pynomaly_itest.target.footprint import footprint
from pynomaly_itest.verdicts import Verdict


@dataclass
class Watched:
    pid: int | None

    def root_pid(self) -> int | None:
        return self.pid


def soaked(mode: str) -> Estimate | Absence:
    """Growth of a server's own memory while load is on it."""
    with limited(mode) as server:
        watch = LeakWatch(cast(Any, Watched(server.pid)))
        plan = LoadPlan(
            url=server.url,
            endpoints=(Endpoint(method="POST", bodies=(b"x",)),),
            executor=ConstantVus(vus=2, duration_s=6),
            think_time_s=0.001,
        )

        def look(progress: Progress) -> None:
            watch.look(progress.requests)

        asyncio.run(run_load(plan, on_progress=look))
    found = watch.values(0.95)["memory_growth_bytes_per_request"]
    assert isinstance(found, Estimate | Absence)
    return found


@pytest.mark.parametrize(("mode", "verdict"), [("leak", Verdict.FAILED), ("serial", Verdict.PASSED)])
def test_a_kilobyte_a_request_is_a_leak_and_nothing_is_none(mode: str, verdict: Verdict) -> None:
    found = soaked(mode)
    assert isinstance(found, Estimate)
    assert judge(found, "<=", 400).verdict is verdict, found


def test_a_process_that_is_not_there_or_not_ours_has_no_footprint() -> None:
    assert footprint(2**22 + 1) is None
    watch = LeakWatch(cast(Any, Watched(None)))
    watch.look(1)
    assert isinstance(watch.values(0.95)["memory_growth_bytes_per_request"], Absence)


def learnt(platform: Callable[[httpx.Request], httpx.Response], verify: Verify) -> Values:
    """The references that a load would learn from this platform before it begins."""
    found: Values = {}

    class Asking(Step):
        async def run(self, context: StepContext) -> Values:
            part = Part(self, Endpoint(method="POST", path="/ask", bodies=(b"one", b"two")))
            found.update(references_of(await verified([part], verify, context)))
            return {}

    once = {"step": {"ask": {}}, "repeat": 1, "warmup": 0, "tolerate_errors": False}
    try:
        run_step("measure", once, platform, prepare=lambda _: Asking())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return found


def test_answers_are_learnt_once_and_hold_for_a_later_load() -> None:
    asked: list[bytes] = []

    def platform(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return httpx.Response(200, json={"id": len(asked), "said": request.content.decode()})

    before = learnt(platform, Verify(times=2))
    assert asked == [b"one", b"one", b"two", b"two"]
    assert [answer["fields"] for answer in before.values()] == [{"said": "one"}, {"said": "two"}]
    assert learnt(lambda _: httpx.Response(500), Verify(references=before)) == before


def test_what_an_earlier_load_did_not_ask_can_not_be_compared() -> None:
    with pytest.raises(CannotMeasure, match="no answer to this"):
        learnt(lambda _: httpx.Response(200), Verify(references={}))


def test_who_answers_otherwise_each_time_fails_before_the_load() -> None:
    count = iter(range(100))
    with pytest.raises(StepFailed, match="asked alone 3 times: every field"):
        learnt(lambda _: httpx.Response(200, json={"n": next(count)}), Verify())


def test_who_errs_when_asked_alone_fails_before_the_load() -> None:
    with pytest.raises(StepFailed, match="asked alone, answered 500"):
        learnt(lambda _: httpx.Response(500), Verify())


def test_shapes_by_name() -> None:
    spike = executor_of_shape("spike", rate=10, duration_s=12, start=0, peak=None)
    assert [(stage.duration_s, stage.target) for stage in spike.stages[:3]] == [
        (2.5, 10),
        (1, 100),
        (2.5, 100),
    ]  # type: ignore[union-attr]
    assert spike.planned_s == 12
    ramp = executor_of_shape("ramp", rate=10, duration_s=12, start=2, peak=None)
    assert (ramp.start_rate, ramp.stages[0].target) == (2, 10)  # type: ignore[union-attr]
    assert executor_of_shape("soak", rate=9, duration_s=3, start=0, peak=None) == ConstantArrivalRate(
        rate=9, duration_s=3
    )
    with pytest.raises(ValueError, match="at least 4s"):
        executor_of_shape("spike", rate=10, duration_s=2, start=0, peak=None)


def test_objectives_are_read_with_their_units() -> None:
    first, second = objectives_of({"latency_ms.p99.9": "0.2s", "error_ratio": "5%"})
    assert (first.limit, second.limit) == (200.0, 0.05)
    assert first.quantile == pytest.approx(0.999)
    for wrong in ({"rate": 5}, {"latency_ms.p0": 1}, {"latency_ms": 5}, {"error_ratio": -1}):
        with pytest.raises(ValueError, match=r"objective"):
            objectives_of(wrong)


def test_a_gate_can_only_ask_for_what_the_load_was_told_to_find_out() -> None:
    plain = cast(Record, Load.shape({"request": {"path": "/"}}))
    verifying = cast(Record, Load.shape({"verify": True, "request": {"path": "/"}}))
    assert "swapped" not in plain.fields
    assert {"swapped", "wrong", "references"} <= verifying.fields.keys()
    assert "broke_at" in cast(Record, Load.shape({"abort_on": {"error_ratio": 0}})).fields
    assert "memory_growth_bytes_per_request" in cast(Record, Load.shape({"shape": "soak"})).fields
    assert (
        "memory_growth_bytes_per_request"
        not in cast(Record, Load.shape({"shape": "soak", "leaks": False})).fields
    )
    assert (
        "work_unfinished" in cast(Record, Load.shape({"mix": [{"request": {"upload_dataset": {}}}]})).fields
    )
    assert check_value(parse("capacity.swapped"), Record({"capacity": Capacity.shape({})}))


def values_when_late(*, is_open: bool, is_usable: bool = True) -> Values:
    """What a load gives whose generator was late."""
    series = Samples.of("latency_ms", [10.0] * 500, "ms")
    figure = Estimate(50.0, "1/s", 500, 49.0, 51.0, 0.95)
    health = GeneratorHealth(
        kept_up=False,
        reasons=("it was late",),
        cpu_share=0.1,
        cost_us=10.0,
        lag_p99_ms=9.0,
        retried=0,
        workers=1,
        is_late_only=True,
        is_usable=is_usable,
        is_open=is_open,
    )
    metrics = {
        "latency_ms": series,
        "rate": figure,
        "error_ratio": proportion(0, 500),
        "requests": exact(500),
    }
    result = LoadResult(
        metrics, {"2xx": 500}, (), (), health, 500, 0, 10.0, 0.0, 0, 0, interrupted=False, examples=()
    )
    return values_of(result, {"work_accepted": 3})


@pytest.mark.parametrize(
    ("is_open", "gate", "verdict"),
    [
        (True, "latency_ms.p95 <= 50ms", Verdict.PASSED),
        (True, "latency_ms.p95 <= 5ms", Verdict.INCONCLUSIVE),
        (False, "latency_ms.p95 <= 50ms", Verdict.INCONCLUSIVE),
        (False, "latency_ms.p95 <= 5ms", Verdict.INCONCLUSIVE),
        (False, "rate >= 40/s", Verdict.PASSED),
        (False, "rate <= 40/s", Verdict.FAILED),
        (False, "rate <= 60/s", Verdict.INCONCLUSIVE),
        (False, "error_ratio <= 5%", Verdict.PASSED),
        (False, "work_accepted == 3", Verdict.PASSED),
    ],
)
def test_of_a_late_generator_only_what_it_can_not_have_changed_is_judged(
    is_open: bool, gate: str, verdict: Verdict
) -> None:
    assert judge_condition(parse(gate), values_when_late(is_open=is_open)).verdict is verdict


def test_a_generator_that_did_not_send_all_says_nothing_of_the_target() -> None:
    with pytest.raises(NotEnoughEvidence, match="it was late") as said:
        values_when_late(is_open=True, is_usable=False)
    assert isinstance(said.value.values["latency_ms"], Absence)
    assert said.value.values["work_accepted"] == 3
