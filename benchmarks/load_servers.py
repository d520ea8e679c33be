"""Servers that misbehave in a known way: what the load engine says about them can be checked against the truth.

Run as `python load_servers.py MODE [options]`; prints its port, ends when its standard input does. Every server
keeps its own record; at the end it prints it as one line of JSON: the times in ms that each request spent in it, and
when it came, s from the first.

`delay` (without TLS) counts a request from the moment at which the kernel took in its last byte, until its answer was
written: what it then waits until this process is awake is the server's time, and a client waits through it
(see stamped_server). `waited_ms` in its record is that part alone. Where the kernel gives no stamp, a request counts
from when it was read, as in the other modes; `stamped` says how many had one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import ssl
import sys
import time

from known_server import Connection
from stamped_server import serve_stamped

from pynomaly_itest.load.null_server import serve

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}'
ANSWERS = {
    "ok": OK,
    "timed": OK.replace(b"\r\n\r\n", b"\r\nServer-Timing: cache;dur=1, total;dur=12.5\r\n\r\n"),
    "error": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"this is not HTTP at all\r\n\r\n",
    "double": OK + OK,
    "closing": OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    "unframed": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "html": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "head": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
    "endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "hang": b"",
}
CLOSES = frozenset({"closing", "unframed", "truncated"})
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


class Server:
    """The options and the record that all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.came_ns: list[int] = []
        self.left_ns: list[int] = []
        self.waited_ns: list[int] = []
        self.draw = random.Random(options.seed)  # noqa: S311 - delays, not secrets

    def came(self, waited_ns: int = 0) -> int:
        """Enter a request that was here for `waited_ns` before it was read; returns its number."""
        now = time.monotonic_ns() - waited_ns
        if waited_ns:
            self.waited_ns.append(waited_ns)
        if not self.came_ns and self.options.mode == "stall":
            asyncio.get_running_loop().call_later(self.options.at, time.sleep, self.options.for_s)
        self.came_ns.append(now)
        self.left_ns.append(now)
        return len(self.came_ns) - 1

    def delay_s(self) -> float:
        slow = self.options.slow_share and self.draw.random() < self.options.slow_share
        least_ms = self.options.slow_ms if slow else self.options.ms
        return float(least_ms + self.draw.uniform(0, self.options.spread)) / 1000

    def left(self, number: int) -> None:
        self.left_ns[number] = time.monotonic_ns()

    def record(self) -> str:
        first = self.came_ns[0] if self.came_ns else 0
        spent = [(left - came) / 1e6 for came, left in zip(self.came_ns, self.left_ns, strict=True)]
        return json.dumps(
            {
                "n": len(spent),
                "ms": spent,
                "came_s": [(came - first) / 1e9 for came in self.came_ns],
                "stamped": len(self.waited_ns),
                "waited_ms": [waited / 1e6 for waited in self.waited_ns],
            }
        )


class Misbehaving(Connection):
    """Answers as the mode says."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def asked(self, body: bytes) -> None:
        number = self.server.came()
        mode = self.server.options.mode
        if mode == "delay":
            asyncio.get_running_loop().call_later(self.server.delay_s(), self.answer, OK, number)
        elif mode == "reset" and self.transport is not None:
            self.transport.abort()
        elif mode == "flaky":
            self.answer(ANSWERS["error"] if number % 10 == 9 else OK, number)
        else:
            self.answer(ANSWERS.get(mode, OK), number)

    def answer(self, answer: bytes, number: int) -> None:
        if not self.write(answer):
            return
        self.server.left(number)
        if self.server.options.mode == "endless":
            self.go_on()
        elif self.server.options.mode in CLOSES and self.transport is not None:
            self.transport.close()

    def go_on(self) -> None:
        if self.write(CHUNK):
            asyncio.get_running_loop().call_later(0.001, self.go_on)


async def run(options: argparse.Namespace) -> None:
    server = Server(options)
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate)
    if options.mode == "delay" and tls is None and sys.platform == "linux":
        await serve_stamped(server, OK)
    else:
        await serve(lambda: Misbehaving(server), tls=tls)
    print(server.record(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=[*ANSWERS, "stall", "delay", "reset", "flaky"])
    parser.add_argument("--at", type=float, default=3.0, help="stall: seconds after the first request")
    parser.add_argument("--for", type=float, default=2.0, dest="for_s", help="stall: for so many seconds")
    parser.add_argument("--ms", type=float, default=5.0, help="delay: of every answer")
    parser.add_argument(
        "--spread", type=float, default=0.0, help="delay: up to so many ms more, evenly drawn"
    )
    parser.add_argument("--slow-share", type=float, default=0.0, help="delay: the share that takes --slow-ms")
    parser.add_argument("--slow-ms", type=float, default=400.0, help="delay: of that share, independently")
    parser.add_argument("--seed", type=int, default=1, help="delay: of what is drawn")
    parser.add_argument("--certificate", help="PEM file with key and certificate: serve TLS")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
