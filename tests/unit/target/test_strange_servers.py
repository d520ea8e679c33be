"""What answers where Redis or PostgreSQL is looked for may be anything: it is a reason to skip, never a crash."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from pynomaly_itest.target.backing import Backing
from pynomaly_itest.target.requirements import unmet

ANSWERS = [
    b"",
    b"-",
    b"-\r\n",
    b"+OK\r\n",
    b":x\r\n",
    b"$-5\r\n",
    b"$99999999999999999999\r\n",
    b"*2\r\n$1\r\nx\r\n*1\r\n:\r\n",
    b"-ERR \xff\xfe\r\n",
    b"N\x00\xff\xff",
    b"NR\x00\x00\x00\x08\x00\x00\x00\x00",
    b"SE\x00\x00\x00\x05x",
    b"\xff" * 64,
]
ADDRESSES = [
    "redis://[::1",
    "redis://127.0.0.1:x",
    "redis://127.0.0.1:99999",
    "redis://\u2100.x",
    "redis://u:\ud800@h",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_speaks_nonsense_is_a_reason(answer: bytes) -> None:
    asyncio.run(asked(answer))


async def asked(answer: bytes) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        redis, database = f"redis://127.0.0.1:{port}/0", f"postgresql://x@127.0.0.1:{port}/x"
        where = {"PYNOMALY_TEST_REDIS_URL": redis, "PYNOMALY_TEST_DATABASE_URL": database}
        told = [await unmet((name,), cast(Any, None), where) for name in ("redis", "database")]
        assert told[1] is not None
        assert (told[0] is None) == answer.startswith(b"+OK")
        left = await Backing({"database_url": database, "redis_url": redis}).remove()
        assert left is not None
        assert "left behind" in left


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none_is_told(address: str) -> None:
    where = {"PYNOMALY_TEST_REDIS_URL": address, "PYNOMALY_TEST_DATABASE_URL": address}
    for name in ("redis", "database"):
        told = asyncio.run(unmet((name,), cast(Any, None), where))
        assert told is not None
        assert "is no address, as" in told
