"""Both sides are waited for until they do nothing; a side that never rests is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.resting import PATIENCE_S, at_rest
from pynomaly_itest.comparison.sides import Started


class Machine:
    """Time passes only in `sleep`; the side works until `busy_s`."""

    def __init__(self, busy_s: float, share: float = 0.9) -> None:
        self.now_s, self.busy_s, self.share = 0.0, busy_s, share

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def cpu_s(self, side: Started) -> float | None:
        return min(self.now_s, self.busy_s) * self.share


def waited(machine: Machine) -> bool:
    side = Started(Door("http://x"), ())
    return asyncio.run(at_rest([side, side], cpu_s=machine.cpu_s, clock=machine.clock, sleep=machine.sleep))


@pytest.mark.parametrize("busy_s", [0.0, 1.0, 5.0])
def test_it_waits_as_long_as_there_is_work(busy_s: float) -> None:
    machine = Machine(busy_s)
    assert waited(machine)
    assert busy_s < machine.now_s < busy_s + 1.0


def test_what_never_rests_is_told() -> None:
    machine = Machine(1e9)
    assert not waited(machine)
    assert machine.now_s == pytest.approx(PATIENCE_S, abs=0.2)


def test_a_little_work_is_rest() -> None:
    assert waited(Machine(1e9, share=0.01))


def test_a_pause_is_no_rest() -> None:
    def stuttering() -> Iterator[float]:
        total, turn = 0.0, 0
        while True:
            yield total
            turn += 1
            total += 0.1 if turn % 3 == 0 else 0.0

    machine, told = Machine(0.0), stuttering()
    side = Started(Door("http://x"), ())
    assert not asyncio.run(
        at_rest([side], cpu_s=lambda _: next(told), clock=machine.clock, sleep=machine.sleep)
    )


def test_what_can_not_be_seen_is_not_waited_for() -> None:
    machine = Machine(0.0)
    side = Started(Door("http://x"), ())
    assert asyncio.run(at_rest([side], clock=machine.clock, sleep=machine.sleep))
    assert machine.now_s < 1.0
