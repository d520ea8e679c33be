"""What is read of a target's memory: what it can't be is no reading, and what can't be read is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httpx
import psutil
import pytest

from pynomaly_itest.events import TargetInfo
from pynomaly_itest.measure import Absence, Samples
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.observer import MIB, Observer, resident_bytes

Answer = Callable[[httpx.Request], httpx.Response]


class Remote:
    """A target whose processes are not ours; `answer` is its /metrics."""

    info = TargetInfo(kind="url", url="http://target")

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def root_pid(self) -> int | None:
        return None

    def client(self, timeout_s: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer), base_url=self.info.url)


def observed(answer: Answer) -> dict[str, Samples | Absence]:
    async def go() -> dict[str, Samples | Absence]:
        observer = Observer(cast(Target, Remote(answer)), lambda: 1.0, lambda reading: None)
        async with observer.watching():
            await observer.look()
        return observer.since(0.0)

    return asyncio.run(go())


def page(text: str) -> Answer:
    return lambda request: httpx.Response(200, text=text)


def memory(text: str) -> list[float] | str:
    found = observed(page(text))["rss_mb"]
    return found.reason if isinstance(found, Absence) else sorted(set(found.values.tolist()))


@pytest.mark.parametrize("line", ["{} {}", "{} {} 1700000000000", "{}\t{}"])
def test_a_gauge_is_read_in_each_of_its_spellings(line: str) -> None:
    assert memory(line.format("process_resident_memory_bytes", 100 * MIB)) == [100.0]


@pytest.mark.parametrize("said", ["0", "-5", "-0.0"])
def test_memory_that_no_process_can_have_is_no_reading(said: str) -> None:
    assert str(memory(f"process_resident_memory_bytes {said}")).startswith("the target's /metrics says")


@pytest.mark.parametrize("said", ["NaN", "+Inf", "many", ""])
def test_memory_that_is_no_number_is_no_reading(said: str) -> None:
    told = memory(f"process_resident_memory_bytes {said}")
    assert told == "the target's /metrics has no process_resident_memory_bytes"


@pytest.mark.parametrize("said", ["NaN", "+Inf"])
def test_descriptors_that_are_no_number_leave_the_memory_readable(said: str) -> None:
    found = observed(page(f"process_resident_memory_bytes {MIB}\nprocess_open_fds {said}"))
    assert isinstance(found["rss_mb"], Samples)
    assert isinstance(found["descriptors"], Absence)


def test_a_page_without_end_is_not_read_to_its_end() -> None:
    sent: list[int] = []

    async def endless() -> Any:
        while True:
            sent.append(1)
            yield b"x" * MIB

    found = observed(lambda request: httpx.Response(200, content=endless()))
    assert isinstance(found["rss_mb"], Absence)
    assert len(sent) < 10


class Guarded:
    """A process whose detailed figures the system keeps to itself."""

    def memory_full_info(self) -> Any:
        raise psutil.AccessDenied

    def memory_info(self) -> Any:
        return psutil.Process().memory_info()


def test_memory_that_is_kept_from_us_in_detail_is_the_plain_size_not_nothing() -> None:
    assert resident_bytes(cast(psutil.Process, Guarded())) > MIB
