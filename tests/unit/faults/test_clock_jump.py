"""A clock that jumps is one whose server says so; one that only was told to is no fault."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import Site
from pynomaly_itest.faults.clock_jump import ClockJump


class Server:
    """Says what time it is; `obeys`: whether its clock is moved by what it is told."""

    def __init__(self, *, obeys: bool = True, says: str | None = None) -> None:
        self.by_s = 0.0
        self.told: list[float] = []
        self._obeys, self._says = obeys, says

    def move_clock(self, by_s: float) -> None:
        self.told.append(by_s)
        self.by_s = by_s if self._obeys else 0.0

    def client(self, timeout_s: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://server")

    def _answer(self, _: httpx.Request) -> httpx.Response:
        now = format_datetime(datetime.now(UTC) + timedelta(seconds=self.by_s), usegmt=True)
        return httpx.Response(200, headers={"date": self._says or now})


async def no_sleep(_: float) -> None:
    """A wait that takes no time."""


def begun(server: Any, by: str) -> list[str]:
    with ExitStack() as undo:
        site = Site(server, undo, no_sleep, random.Random(1))  # noqa: S311 - nothing is left to it
        asyncio.run(ClockJump(by=by).begin(site))
    return site.notes


@pytest.mark.parametrize(
    ("by", "by_s"), [("+5m", 300.0), ("-5m", -300.0), ("-1h", -3600.0), ("+2d", 172_800.0)]
)
def test_it_has_begun_once_the_server_says_another_time(by: str, by_s: float) -> None:
    server = Server()
    (note,) = begun(server, by)
    assert by in note
    assert server.told == [by_s, 0.0]  # moved, and put right again


@pytest.mark.parametrize("server", [Server(obeys=False), Server(says="soon")])
def test_a_clock_that_does_not_jump_is_an_error_and_put_right_all_the_same(server: Server) -> None:
    with pytest.raises(CannotMeasure, match="Date"):
        begun(server, "-5m")
    assert server.told == [-300.0, 0.0]


@pytest.mark.parametrize("by", ["5m", "+5", "+2s", "-0h", "+1y", "+5min"])
def test_a_jump_has_a_direction_and_is_far_enough_to_be_seen(by: str) -> None:
    with pytest.raises(ValidationError):
        ClockJump(by=by)
