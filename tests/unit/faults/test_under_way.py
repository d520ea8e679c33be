"""A fault's course on a platform in memory: what counts, from when, and that nothing passes unbroken."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from promising import SCORES, Break, Clock, Here, Promising, run_course

from pynomaly_itest.errors import CannotMeasure, ItestError, NotApplicable, NotEnoughEvidence
from pynomaly_itest.events import TargetInfo
from pynomaly_itest.faulting.fault import Fault, Site
from pynomaly_itest.faulting.idle import idle_connections
from pynomaly_itest.registry import FAULTS
from pynomaly_itest.steps.fault import _unmeasured

CHANCE = random.Random(1)  # noqa: S311 - nothing here is left to it
Spoil = Callable[[str], httpx.Response | None]


class Switch:
    """Spoils answers once the fault has come."""

    def __init__(self, spoil: Spoil) -> None:
        self.is_on = False
        self.count = 0
        self._spoil = spoil

    def on(self) -> None:
        self.is_on = True

    def __call__(self, asked: str) -> httpx.Response | None:
        if not self.is_on:
            return None
        self.count += 1
        return self._spoil(asked)


def first_error(problem: BaseException) -> BaseException:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


def test_a_platform_that_keeps_its_word_has_nothing_to_complain_of() -> None:
    done = run_course(Promising(), Break(lasts=1.0))
    assert done.complaints == []
    assert done.values["lost"] == done.values["wrong"] == done.values["hung"] == 0
    assert done.values["acknowledged"] >= 5
    assert done.values["answered_ratio"] == 1


def test_the_first_answer_after_the_fault_is_waited_for_before_it_counts_as_recovered() -> None:
    platform = Promising()

    def late(asked: str) -> None:
        if asked == "GET health/ready" and switch.count > 0 and not waited:
            waited.append(asked)
            platform.clock.now_s += 4.0

    waited: list[str] = []
    switch = Switch(late)
    platform.spoil = switch
    done = run_course(platform, Break(do=switch.on))
    assert waited
    assert done.values["recovery_seconds"] >= 4.0
    assert done.complaints == []


def test_a_recovery_after_the_time_for_it_is_none() -> None:
    platform = Promising()

    def late(asked: str) -> None:
        if asked == "GET health/ready" and not waited:
            waited.append(asked)
            platform.clock.now_s += 4.0

    waited: list[str] = []
    switch = Switch(late)
    platform.spoil = switch
    done = run_course(platform, Break(do=switch.on), within_s=2.0)
    assert len(done.complaints) == 1
    assert done.complaints[0].startswith("not as before within 2 s: after 4.")


def test_what_is_acknowledged_after_the_fault_was_never_in_danger() -> None:
    platform = Promising()
    unready = [httpx.Response(503)] * 40
    switch = Switch(lambda asked: unready.pop() if unready and asked == "GET health/ready" else None)
    platform.spoil = switch
    done = run_course(platform, Break(do=switch.on), after_s=0.0)
    assert 5 <= done.values["acknowledged"] < len(platform.stored)


def test_a_fault_waits_for_something_to_lose_and_is_not_injected_without() -> None:
    slow = Promising()

    def slowly(asked: str) -> None:
        slow.clock.now_s += 1.0 if asked == "POST datasets/upload" else 0.0

    slow.spoil = slowly
    assert run_course(slow, Break(), after_s=0.0).values["acknowledged"] >= 5

    refusing = Promising()
    refusing.spoil = lambda asked: (
        httpx.Response(429) if len(refusing.asked) > 8 and "GET" not in asked else None
    )
    with pytest.raises(ExceptionGroup) as raised:
        run_course(refusing, Break(do=lambda: pytest.fail("broken for nothing")))
    problem = first_error(raised.value)
    assert isinstance(problem, NotEnoughEvidence)
    assert "only 1 thing " in problem.message
    assert problem.values == {}  # a gate has nothing to fail on


def test_only_what_ends_after_the_fault_has_begun_tells_of_a_broken_platform() -> None:
    platform = Promising()
    switch = Switch(lambda asked: httpx.Response(503) if switch.count < 8 else None)
    platform.spoil = switch
    done = run_course(platform, Break(do=switch.on, lasts=0.1), after_s=5.0)
    assert done.values["refused"] >= 5
    assert done.values["answered_ratio"] < 0.9  # hundreds were answered before it
    assert done.complaints == []


def test_a_detection_that_gives_other_scores_than_before_is_wrong() -> None:
    other = httpx.Response(200, json={"id": "another", "anomaly_scores": [SCORES[0], SCORES[1] + 1]})
    switch = Switch(
        lambda asked: other if asked in ("POST detection/detect", "GET detection/results/another") else None
    )
    done = run_course(Promising(spoil=switch), Break(do=switch.on))
    assert done.values["wrong"] >= 1
    assert any("a detection has other scores than before" in said for said in done.complaints)


@pytest.mark.parametrize(
    ("amid", "refused", "said"),
    [
        ("upload", "POST datasets/upload", "the upload was over"),
        ("detection", "POST detection/detect", "no detection was under way"),
    ],
)
def test_work_that_was_refused_is_not_under_way(amid: str, refused: str, said: str) -> None:
    platform = Promising()
    big: list[str] = []

    def spoil(asked: str) -> httpx.Response | None:
        if asked != refused:
            return None
        big.append(asked)
        return None if len(big) < 40 else httpx.Response(503)

    platform.spoil = spoil
    with pytest.raises((ItestError, ExceptionGroup)) as raised:
        run_course(platform, Break(), amid=amid, after_s=30.0)
    problem = first_error(raised.value)
    assert isinstance(problem, CannotMeasure)
    assert said in problem.message


class Hungry(Break):
    """Felt by large requests only."""

    hungry_rows = (2_000, 4_000)


def test_a_fault_that_only_large_requests_feel_is_felt_by_one_or_is_no_pass() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        run_course(Promising(), Hungry())
    problem = first_error(raised.value)
    assert isinstance(problem, NotEnoughEvidence)
    assert "even a prediction of 4,000 rows was answered" in problem.message

    switch = Switch(lambda asked: httpx.Response(503) if switch.count == 1 else None)
    assert run_course(Promising(spoil=switch), Hungry(do=switch.on)).complaints == []


class Untold(Fault):
    """Does nothing, and so has nothing to tell."""

    def check(self, site: Site) -> None: ...

    async def begin(self, site: Site) -> None: ...


def test_a_fault_that_touched_nothing_is_no_pass() -> None:
    with pytest.raises(NotEnoughEvidence, match="touched nothing"):
        run_course(Promising(), Untold())


def test_idle_connections_that_nobody_took_break_nothing() -> None:
    async def refused(host: str, port: int) -> Any:
        raise ConnectionRefusedError

    async def run() -> None:
        with ExitStack() as undo:
            site = Site(Here(), undo, Clock().sleep, CHANCE)
            await idle_connections(site, 3, refused)

    with pytest.raises(NotEnoughEvidence, match="took none"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("during", "said"),
    [({}, None), ({"failed": "no answer"}, "no answer"), ({"failed": "late", "wrong": 0}, None)],
)
def test_a_step_meanwhile_that_measured_nothing_says_why(during: dict[str, Any], said: str | None) -> None:
    assert _unmeasured(during) == said


def test_slow_clients_of_an_https_server_do_not_apply() -> None:
    class Secure(Here):
        info = TargetInfo(kind="url", url="https://itest")

    with ExitStack() as undo, pytest.raises(NotApplicable, match="TLS"):
        FAULTS["slow_clients"].model_validate({}).check(Site(Secure(), undo, Clock().sleep, CHANCE))
