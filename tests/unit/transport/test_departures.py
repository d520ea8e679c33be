"""Beyond this machine at most ten requests leave in any second, whoever sends them; no packet is sent here."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import misbehaving
import pytest

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.load import LoadPlan, run_load
from pynomaly_itest.load.executors import ConstantArrivalRate, ConstantVus, RampingArrivalRate
from pynomaly_itest.load.pacers import Stage
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.probing.context import Budget
from pynomaly_itest.probing.wire import Wire
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.remote import RemoteTarget
from pynomaly_itest.transport.client import open_client
from pynomaly_itest.transport.departures import UNLIMITED, Paced, departures_for

ELSEWHERE = "http://192.0.2.1:8080"  # TEST-NET-1: nobody's, and nothing is sent to it


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s = max(self.now_s, self.now_s + seconds)


def test_never_more_than_ten_leave_within_a_second() -> None:
    time, left = Time(), []
    paced = Paced(clock=time, sleep=time.sleep)

    async def send() -> None:
        for number in range(55):
            await paced.leave()
            left.append(time.now_s)
            time.now_s += 0.001 * (number % 7)

    asyncio.run(send())
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in zip(left, left[10:], strict=False))
    assert left[9] - left[0] < 0.1  # ten at once are no harm
    assert left[-1] - left[0] < 6.0  # and it is no slower than it must be
    assert "requests waited" in str(paced.told())


def test_those_who_come_at_the_same_time_share_the_places() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    paced = Paced(clock=lambda: 5.0, sleep=sleep)

    async def crowd() -> None:
        await asyncio.gather(*(paced.leave() for _ in range(25)))

    asyncio.run(crowd())
    assert waits == [1.0] * 10 + [2.0] * 5


def test_nothing_is_told_where_nobody_waited() -> None:
    paced = Paced(clock=Time())
    asyncio.run(paced.leave(10))
    assert paced.told() is None
    assert UNLIMITED.told() is None


@pytest.mark.parametrize(
    ("url", "is_authorised", "paced"),
    [
        (ELSEWHERE, False, True),
        ("https://itest.localhost.invalid", False, True),  # a name that merely resolves to loopback
        ("http://127.0.0.1.example:80", False, True),
        (ELSEWHERE, True, False),
        ("http://127.0.0.1:8000", False, False),
        ("http://[::1]:8000", False, False),
        ("http://localhost", False, False),
    ],
)
def test_who_is_held_to_it(url: str, is_authorised: bool, paced: bool) -> None:
    assert isinstance(departures_for(url, is_authorised=is_authorised), Paced) is paced
    target = RemoteTarget(url, Credentials(), Redactor(), is_authorised=is_authorised)
    assert isinstance(target.departures, Paced) is paced


class Refused(Exception):
    pass


class Closed:
    """Nothing may leave."""

    async def leave(self, requests: int = 1) -> None:
        raise Refused

    def check_rate(self, per_s: float) -> None:
        raise Refused

    def told(self) -> str | None:
        return None


def test_every_way_out_asks_before_a_byte_leaves() -> None:
    heard: list[Any] = []

    async def by_client(url: str) -> None:
        async with open_client(url, 5.0, departures=Closed()) as client:
            await client.get("/")

    async def by_target(url: str) -> None:
        target = RemoteTarget(url, Credentials(), Redactor())
        target.departures = Closed()
        await target.start()

    async def by_wire(url: str) -> None:
        wire = Wire(url, "127.0.0.1", Redactor(), Budget(9, 9999, 9, 9), "r", Closed())
        await wire.ask("GET", "/", {})

    async def by_load(url: str) -> None:
        plan = LoadPlan(url=url, endpoints=(Endpoint(),), executor=ConstantArrivalRate(rate=1, duration_s=1))
        await run_load(plan, departures=Closed())

    with misbehaving.serving(lambda head, it: (heard.append(head), it.answer(200, "{}"))[1]) as url:
        for way in (by_client, by_target, by_wire, by_load):
            with pytest.raises(Refused):
                asyncio.run(way(url))
    assert heard == []


@pytest.mark.parametrize(
    "executor",
    [
        ConstantArrivalRate(rate=10.1, duration_s=1),
        RampingArrivalRate(start_rate=1, stages=(Stage(1.0, 11.0),)),
        ConstantVus(vus=1, duration_s=1),
    ],
)
def test_a_load_that_nobody_answers_for_is_refused_without_a_byte(executor: Any) -> None:
    plan = LoadPlan(url=ELSEWHERE, endpoints=(Endpoint(),), executor=executor)
    with pytest.raises(CannotMeasure, match="more than 10 requests/s"):
        asyncio.run(run_load(plan))


def test_a_client_that_is_told_nothing_goes_by_what_holds_for_its_origin() -> None:
    async def transport_of(url: str) -> Any:
        async with open_client(url, 5.0) as client:
            return client._transport

    elsewhere: Any = asyncio.run(transport_of(ELSEWHERE))
    assert isinstance(elsewhere, httpx.AsyncBaseTransport)
    assert isinstance(elsewhere._departures, Paced)
    assert asyncio.run(transport_of("http://127.0.0.1:1"))._departures is UNLIMITED
