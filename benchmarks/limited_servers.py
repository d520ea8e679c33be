"""Servers with a known limit, or a known fault under load: what is said about them can be checked.

Run as `python limited_servers.py MODE [options]`; prints its port, ends when its standard input does.

serial: one worker, each request takes it --ms, so it carries 1000 / ms a second; with --most, what would wait behind
so many others is shed (503 with Retry-After; without, where --rude). Answers are computed from the body, so that
each body has its own: swap: every 20th goes to the wrong one. wrong: every 20th is wrong. leak: keeps 1 KB a request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import zlib

from known_server import Connection

from pynomaly_itest.load.null_server import serve

FINE = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}"
SHED = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


def answer_to(body: bytes, number: int) -> bytes:
    """A detection that depends on the body alone, but for its id."""
    score = zlib.crc32(body) / 2**32
    text = json.dumps(
        {"id": number, "anomaly_scores": [score, score / 3], "anomaly_labels": [int(score > 0.5), 0]}
    )
    return FINE.format(len(text), text).encode()


class Server:
    """What all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.count = 0
        self.free_at = 0.0
        self.waiting = 0
        self.kept: list[bytes] = []
        self.last = b""

    def reply_to(self, body: bytes) -> bytes:
        """What is answered, with the fault of the mode."""
        mode, number = self.options.mode, self.count
        if mode == "leak":
            self.kept.append(os.urandom(1024))
        strays = number > 100 and number % 20 == 0
        asked = self.last if mode == "swap" and strays and self.last else body
        self.last = body
        return answer_to(b"another" if mode == "wrong" and strays else asked, number)


class Limited(Connection):
    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def asked(self, body: bytes) -> None:
        server, options = self.server, self.server.options
        server.count += 1
        if not options.ms:
            self.write(server.reply_to(body))
        elif options.most and server.waiting >= options.most:
            self.write(SHED.replace(b"Retry-After: 1\r\n", b"") if options.rude else SHED)
        else:
            self.queue(server.reply_to(body))

    def queue(self, reply: bytes) -> None:
        loop, server = asyncio.get_running_loop(), self.server
        server.free_at = max(server.free_at, loop.time()) + server.options.ms / 1000
        server.waiting += 1
        loop.call_at(server.free_at, self.finish, reply)

    def finish(self, reply: bytes) -> None:
        self.server.waiting -= 1
        self.write(reply)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["serial", "swap", "wrong", "leak"])
    parser.add_argument("--ms", type=float, default=0.0, help="what each request takes the one worker")
    parser.add_argument("--most", type=int, default=0, help="shed what would wait behind so many")
    parser.add_argument("--rude", action="store_true", help="shed without Retry-After")
    server = Server(parser.parse_args())
    asyncio.run(serve(lambda: Limited(server)))


if __name__ == "__main__":
    sys.exit(main())
