"""The proxy makes each kind of bad network, the same way for the same seed, and a good one again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from pynomaly_itest.target.conditions import Blackhole, Cut, Delay, Exhausted, Gone, Narrow
from pynomaly_itest.target.proxy import TcpProxy

Talk = Callable[[bytes], Awaitable[bytes]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says every line back."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxied(seed: int = 1) -> AsyncIterator[TcpProxy]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        proxy = TcpProxy("127.0.0.1", server.sockets[0].getsockname()[1], seed)
        await proxy.start()
        try:
            yield proxy
        finally:
            await proxy.close()


@asynccontextmanager
async def connected(proxy: TcpProxy) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)

    async def talk(line: bytes) -> bytes:
        writer.write(line)
        await writer.drain()
        return await asyncio.wait_for(reader.readline(), 5)

    try:
        yield talk
    finally:
        writer.close()


def test_without_a_condition_all_goes_through_and_back() -> None:
    async def run() -> None:
        async with proxied() as proxy, connected(proxy) as talk:
            long = b"x" * 60_000 + b"\n"
            assert await talk(long) == long
            assert proxy.record == []

    asyncio.run(run())


@pytest.mark.parametrize("slow", [Delay, Narrow])
def test_a_slow_network_waits_as_long_as_it_says_and_is_quick_again(slow: type) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def run() -> None:
        condition = Delay(0.25, 0.5, sleep) if slow is Delay else Narrow(100, sleep)
        async with proxied() as proxy, connected(proxy) as talk:
            proxy.impose(condition)
            assert await talk(b"0123456789012345678\n") == b"0123456789012345678\n"
            count = len(waited)
            proxy.lift()
            assert await talk(b"again\n") == b"again\n"
            assert len(waited) == count == 2

    asyncio.run(run())
    if slow is Delay:
        assert all(0.25 <= seconds <= 0.75 for seconds in waited)
    else:
        assert waited == [0.2, 0.2]


@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_comes_at_the_same_byte_for_the_same_seed(reset: bool) -> None:
    async def cut_at(seed: int) -> list[str]:
        async with proxied(seed) as proxy:
            proxy.impose(Cut(1.0, 1, 40, reset))
            async with connected(proxy) as talk:
                try:
                    assert len(await talk(b"x" * 50 + b"\n")) <= 40
                except ConnectionResetError:
                    assert reset
            proxy.lift()
            async with connected(proxy) as talk:
                assert await talk(b"well\n") == b"well\n"
            return proxy.record

    first, again, other = (asyncio.run(cut_at(seed)) for seed in (7, 7, 8))
    assert first == again
    assert len(first) == 1
    assert first != other


def test_a_cut_spares_the_share_that_it_should_spare() -> None:
    async def run() -> None:
        async with proxied() as proxy, connected(proxy) as talk:
            proxy.impose(Cut(0.0, 1, 2, reset=True))
            assert await talk(b"spared\n") == b"spared\n"

    asyncio.run(run())


def test_a_blackhole_holds_everything_back_and_then_lets_it_arrive() -> None:
    async def run() -> None:
        async with proxied() as proxy, connected(proxy) as talk:
            assert await talk(b"before\n") == b"before\n"
            proxy.impose(Blackhole())
            asked = asyncio.ensure_future(talk(b"meanwhile\n"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not asked.done()
            proxy.lift()
            assert await asked == b"meanwhile\n"

    asyncio.run(run())


def test_what_is_gone_resets_the_old_and_refuses_the_new_and_comes_back() -> None:
    async def run() -> None:
        async with proxied() as proxy:
            async with connected(proxy) as talk:
                assert await talk(b"before\n") == b"before\n"
                proxy.impose(Gone())
                with pytest.raises((ConnectionResetError, BrokenPipeError)):
                    await talk(b"meanwhile\n")
            with pytest.raises((ConnectionResetError, BrokenPipeError, AssertionError)):
                async with connected(proxy) as talk:
                    assert await talk(b"new\n") == b"new\n"
            proxy.lift()
            async with connected(proxy) as talk:
                assert await talk(b"after\n") == b"after\n"
            assert proxy.record == ["connection 1: reset", "connection 2: refused"]

    asyncio.run(run())


def test_the_far_end_being_really_away_is_a_reset_and_no_traceback() -> None:
    async def run() -> None:
        proxy = TcpProxy("127.0.0.1", 1, 1)
        await proxy.start()
        with pytest.raises((ConnectionResetError, AssertionError)):
            async with connected(proxy) as talk:
                assert await talk(b"anybody\n")
        await proxy.close()

    asyncio.run(run())


def test_an_exhausted_database_says_so_in_its_own_protocol() -> None:
    async def run() -> None:
        async with proxied() as proxy:
            proxy.impose(Exhausted(0))
            url = f"postgresql://nobody@127.0.0.1:{proxy.port}/test"
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                await asyncio.to_thread(psycopg.connect, url, connect_timeout=5)
            assert "too many clients" in proxy.record[0]
            proxy.impose(Exhausted(1))
            async with connected(proxy) as talk:
                assert await talk(b"let in\n") == b"let in\n"

    asyncio.run(run())


@pytest.mark.parametrize("slow", [Delay(0.0), Narrow(1e9)])
def test_a_slow_network_tells_who_met_it_and_another_one_begins_its_record_anew(slow: Delay | Narrow) -> None:
    async def run() -> None:
        async with proxied() as proxy, connected(proxy) as talk:
            assert proxy.impose(slow) == []
            await talk(b"met\n")
            first = proxy.record
            assert len(first) == 1
            proxy.lift()
            assert proxy.impose(slow) == []
            assert len(first) == 1
            await talk(b"met again\n")
            assert len(proxy.record) == 1

    asyncio.run(run())
