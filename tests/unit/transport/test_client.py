"""The way out for single requests: stale connections, one deadline for all of an exchange, early answers."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import misbehaving
import pytest
from on_a_url import run_on

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.http import Body, Http, RequestFailed
from pynomaly_itest.transport.client import open_client
from pynomaly_itest.verdicts import Verdict

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BROKEN = b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Speaks in bytes: `serve` gets each connection's number, and the streams."""

    def __init__(self, serve: Callable[[int, Server], Awaitable[None]]) -> None:
        self._serve = serve
        self.asked: list[tuple[int, str]] = []
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        self._connections = 0
        self._talks: list[asyncio.Task[None]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        one = copy.copy(self)  # this connection's own streams, and everybody's record
        one.reader, one.writer = reader, writer
        self._talks.append(asyncio.create_task(one._talk()))

    async def _talk(self) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(self._connections, self)
        finally:
            self.writer.close()
            with contextlib.suppress(OSError):
                await self.writer.wait_closed()

    async def close(self) -> None:
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def request(self) -> None:
        """Read the next request, whole."""
        number, reader = self._connections, self.reader
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        _, _, length = head.partition("content-length:")
        await reader.readexactly(int(length.split()[0]) if length else 0)
        self.asked.append((number, head.split()[0]))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@contextlib.asynccontextmanager
async def talking(
    serve: Callable[[int, Server], Awaitable[None]], timeout_s: float = 5.0
) -> AsyncIterator[tuple[Http, Server]]:
    server = Server(serve)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        async with open_client(f"http://127.0.0.1:{port}", timeout_s) as client:
            yield Http(client, Redactor(), "run", timeout_s), server
    finally:
        listening.close()
        await server.close()


async def stale(number: int, server: Server) -> None:
    """The first connection answers once, then ends as the next request comes; the others answer always."""
    await server.request()
    await server.say(OK)
    await server.request()
    while number > 1:
        await server.say(OK)
        await server.request()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_what_may_be_repeated_is_sent_again_once_where_a_kept_connection_had_ended(method: str) -> None:
    async def go() -> list[tuple[int, str]]:
        async def serve(number: int, server: Server) -> None:
            await server.request()
            await server.say(OK.removesuffix(b"{}") if number > 1 and method == "HEAD" else OK)
            await server.request()

        async with talking(serve) as (http, server):
            await http.send("GET", "/")
            reply = await http.send(method, "/")
            assert reply.status == 200
            return server.asked

    assert asyncio.run(go()) == [(1, "get"), (1, method.lower()), (2, method.lower())]


def test_a_post_is_never_sent_again_and_the_reason_says_why() -> None:
    async def go() -> list[tuple[int, str]]:
        async with talking(stale) as (http, server):
            await http.send("GET", "/")
            with pytest.raises(RequestFailed, match="had been used before: POST is not sent again"):
                await http.send("POST", "/", body=Body(json={}))
            return server.asked

    assert asyncio.run(go()) == [(1, "get"), (1, "post")]


def test_a_fresh_connection_that_ends_is_no_reason_to_send_again() -> None:
    async def go() -> int:
        async def serve(number: int, server: Server) -> None:
            await server.request()

        async with talking(serve) as (http, server):
            with pytest.raises(RequestFailed, match="closed without an answer"):
                await http.send("GET", "/")
            return len(server.asked)

    assert asyncio.run(go()) == 1


def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    async def go() -> int:
        async def serve(number: int, server: Server) -> None:
            await server.request()
            await server.say(OK)
            await server.request()
            await server.say(b"HTTP/1.1 200")

        async with talking(serve) as (http, server):
            await http.send("GET", "/")
            with pytest.raises(RequestFailed, match="before the reply was complete"):
                await http.send("GET", "/")
            return len(server.asked)

    assert asyncio.run(go()) == 2


def test_a_connection_that_the_server_has_closed_is_left_before_a_post() -> None:
    async def go() -> list[tuple[int, str]]:
        async def serve(number: int, server: Server) -> None:
            await server.request()
            await server.say(OK)

        async with talking(serve) as (http, server):
            for _ in range(3):
                assert (await http.send("POST", "/", body=Body(json={}))).status == 200
                await asyncio.sleep(0.02)  # the server's end of it is on its way
            return server.asked

    assert asyncio.run(go()) == [(1, "post"), (2, "post"), (3, "post")]


def test_no_connection_is_used_again_behind_a_500() -> None:
    async def go() -> list[tuple[int, str]]:
        async def serve(number: int, server: Server) -> None:
            await server.request()
            await server.say(BROKEN)
            await server.request()

        async with talking(serve) as (http, server):
            for _ in range(3):
                assert (await http.send("POST", "/", body=Body(json={}))).status == 500
            return server.asked

    assert asyncio.run(go()) == [(1, "post"), (2, "post"), (3, "post")]


async def _drips(server: Server, data: bytes) -> None:
    for byte in data:
        await server.say(bytes((byte,)))
        await asyncio.sleep(0.05)


async def drips_head(number: int, server: Server) -> None:
    await server.request()
    await _drips(server, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200)


async def drips_body(number: int, server: Server) -> None:
    await server.request()
    await server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
    await _drips(server, b"y" * 200)


async def drips_chunks(number: int, server: Server) -> None:
    await server.request()
    await server.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await _drips(server, b"1\r\ny\r\n" * 40)


async def drips_hints(number: int, server: Server) -> None:
    await server.request()
    for _ in range(100):
        await server.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.05)


async def reads_nothing(number: int, server: Server) -> None:
    await asyncio.sleep(3)


@pytest.mark.parametrize("serve", [drips_head, drips_body, drips_chunks, drips_hints, reads_nothing])
def test_a_drip_does_not_outlast_the_deadline(serve: Any) -> None:
    """Of the client itself too, and not only of what asks through it."""

    async def go() -> float:
        async with talking(serve, 0.3) as (http, _):
            began = time.monotonic()
            body = Body(content=b"x" * 30_000_000) if serve is reads_nothing else Body()
            with pytest.raises(RequestFailed, match=r"within 0\.3 s"):
                await http.send("PUT", "/", body=body)
            with pytest.raises(httpx.TimeoutException):
                await http.client.get("/", timeout=0.3)
            return time.monotonic() - began

    assert asyncio.run(go()) < 2.5


def test_an_answer_that_comes_before_all_was_sent_is_the_answer() -> None:
    async def go() -> int:
        async def serve(number: int, server: Server) -> None:
            await server.reader.readuntil(b"\r\n\r\n")
            await server.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await asyncio.sleep(0.2)

        async with talking(serve) as (http, _):
            reply = await http.send("POST", "/", body=Body(content=b"x" * 30_000_000))
            return reply.status

    assert asyncio.run(go()) == 413


def test_a_cancelled_exchange_leaves_no_connection_for_the_next() -> None:
    async def go() -> list[tuple[int, str]]:
        async def serve(number: int, server: Server) -> None:
            await server.request()
            if number == 1:
                await asyncio.sleep(0.5)
            await server.say(OK)

        async with talking(serve) as (http, server):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(http.send("GET", "/"), 0.1)
            assert (await http.send("GET", "/")).status == 200
            return server.asked

    assert asyncio.run(go()) == [(1, "get"), (2, "get")]


def test_who_is_asked_before_a_request_leaves_can_refuse_it() -> None:
    class Closed:
        async def leave(self, requests: int = 1) -> None:
            raise CannotMeasure("not allowed")

    async def go() -> int:
        server = Server(stale)
        listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with open_client(url, 5.0, departures=Closed()) as client:
            with pytest.raises(CannotMeasure, match="not allowed"):
                await Http(client, Redactor(), "run").send("GET", "/")
        listening.close()
        return len(server.asked)

    assert asyncio.run(go()) == 0


def closing_behind_errors(head: str, connection: misbehaving.Connection) -> None:
    """As uvicorn does: an exception is a 500, and the connection is closed behind it, without a word."""
    if head.startswith("POST"):
        connection.answer(500, "{}")
        raise OSError("closed")
    connection.answer(200, "{}")


EXPECTED = "request: {method: POST, path: /boom, status: 500}"


@pytest.mark.parametrize("turn", range(5))
def test_an_expected_500_does_not_break_what_comes_after_it(tmp_path: Path, turn: int) -> None:
    many = f"{{step: {{{EXPECTED}}}, repeat: 20, warmup: 0, tolerate_errors: true}}"
    load = f"{{{EXPECTED}, executor: shared-iterations, vus: 2, iterations: 40, workers: 1}}"
    steps = [f"{EXPECTED}", "request: {path: /healthz}", f"measure: {many}", f"load: {load}"]
    profile = "version: 1\nname: t\nscenarios:\n" + "".join(
        f"  - id: s{at}\n    steps:\n      - {step}\n        save: m\n"
        + (
            "    gates: [m.error_ratio <= 50%]\n"
            if at == 2
            else "    gates: [m.failures == 0]\n"
            if at == 3
            else ""
        )
        for at, step in enumerate(steps[: 4 if turn == 0 else 3])
    )
    with misbehaving.serving(closing_behind_errors) as url:
        result = run_on(url, tmp_path, profile)
    told = {each.id: (each.verdict, each.reason) for each in result.scenarios}
    assert {verdict for verdict, _ in told.values()} == {Verdict.PASSED}, told
    assert result.scenarios[2].gates[0].observed == 0


def cutting(head: str, connection: misbehaving.Connection) -> None:
    """Every POST is cut off; the rest is answered."""
    if head.startswith("POST"):
        misbehaving.truncating(head, connection)
    connection.answer(200, "{}")


def test_reasons_of_failures_stand_beside_the_ratio(tmp_path: Path) -> None:
    post = "request: {method: POST, path: /}"
    profile = f"""version: 1
name: t
scenarios:
  - id: s
    steps:
      - measure: {{step: {{{post}}}, repeat: 4, warmup: 0, tolerate_errors: true}}
        save: m
      - load: {{{post}, executor: shared-iterations, vus: 1, iterations: 6, workers: 1}}
        save: l
    gates: [m.reset == 4, m.refused == 0, m.hung == 0, l.reset == 6, l.refused == 0, m.error_ratio == 0,
            l.error_ratio == 0]
"""
    with misbehaving.serving(cutting) as url:
        (scenario,) = run_on(url, tmp_path, profile).scenarios
    assert [str(gate.verdict) for gate in scenario.gates] == ["passed"] * 5 + ["failed"] * 2
    assert "4 reset; the first: POST /: the connection was closed" in scenario.gates[5].reason
    assert "6 reset" in scenario.gates[6].reason
