"""What runs side by side ends together: the first error is raised as it is, and nothing goes on behind it."""

from __future__ import annotations

import asyncio

import pytest

from pynomaly_itest.together import all_or_none


def test_all_are_run() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)

    asyncio.run(all_or_none(work(number) for number in range(3)))
    assert sorted(done) == [0, 1, 2]


def test_the_first_error_ends_the_others_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def failing() -> None:
        raise LookupError("first")

    async def both() -> None:
        with pytest.raises(LookupError, match="first"):
            await all_or_none([endless(), failing()])
        assert ended == ["endless"]

    asyncio.run(both())
