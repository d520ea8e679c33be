"""Whose fault it is when no connection can be made."""

from __future__ import annotations

import asyncio
import errno
import time

import pytest

from pynomaly_itest.load import ConstantVus, Endpoint, LoadPlan, Outcome
from pynomaly_itest.load.client import Connection
from pynomaly_itest.load.frames import ROW
from pynomaly_itest.load.pool import Door, Pool
from pynomaly_itest.load.wire import Prepared, prepare


class Failing(Pool):
    """A pool for which opening a connection fails in one way."""

    errno: int

    async def _open(self) -> Connection:
        raise OSError(self.errno, "made up")


def request() -> Prepared:
    plan = LoadPlan(url="http://x", endpoints=(Endpoint(),), executor=ConstantVus(vus=1, duration_s=1))
    return prepare(plan)[0][0]


async def outcomes(error: int) -> tuple[list[Outcome], Failing]:
    pool = Failing(Door("x", 1), limit=5, timeout_ns=10**9, connection=Connection, max_response_bytes=1000)
    pool.errno = error
    now = time.monotonic_ns()
    pool.submit(request(), now, now)
    for _ in range(5):
        await asyncio.sleep(0)
    ended = [Outcome(ROW.unpack(row)[0] >> 1 & 0x7F) for row in pool.rows]
    return ended, pool


@pytest.mark.parametrize("error", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ECONNRESET])
def test_a_refusal_is_the_targets(error: int) -> None:
    ended, pool = asyncio.run(outcomes(error))
    assert ended == [Outcome.REFUSED]
    assert pool.starved == 0


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EADDRNOTAVAIL])
def test_want_of_sockets_is_ours_and_the_request_waits_on(error: int) -> None:
    ended, pool = asyncio.run(outcomes(error))
    assert ended == []
    assert pool.starved >= 1
    assert pool.unfinished == 1
    pool.sweep(time.monotonic_ns() + 2 * 10**9)
    assert Outcome(ROW.unpack(pool.rows[0])[0] >> 1 & 0x7F) is Outcome.DROPPED
