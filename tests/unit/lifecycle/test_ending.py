"""A clean-up under way is finished before an interruption goes on."""

from __future__ import annotations

import asyncio

import pytest

from pynomaly_itest.lifecycle import to_its_end


async def cancelled_while_ending(times: int) -> list[str]:
    """What happened, where the ending was cancelled this often in the midst of it."""
    told: list[str] = []
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        told.append("begun")
        has_begun.set()
        await may_end.wait()
        told.append("done")

    async def ending() -> None:
        try:
            await to_its_end(work())
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    task = asyncio.create_task(ending())
    await has_begun.wait()
    for _ in range(times):
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() is (times > 0)
    return told


@pytest.mark.parametrize(
    ("times", "told"),
    [(0, ["begun", "done"]), (1, ["begun", "done", "cancelled"]), (2, ["begun", "cancelled"])],
)
def test_one_interruption_waits_for_the_end_and_a_second_does_not(times: int, told: list[str]) -> None:
    assert asyncio.run(cancelled_while_ending(times))[: len(told)] == told


def test_what_goes_wrong_in_the_ending_is_told() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(to_its_end(work()))
