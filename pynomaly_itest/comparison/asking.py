"""One question at a time on a kept connection, timed from its first byte to the answer's last.

A blocking client of its own: two services are asked in turn, so nothing of the tool may run in between.
"""

from __future__ import annotations

import contextlib
import itertools
import selectors
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any
from urllib.parse import urlsplit

import httptools

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.load.checks import outcome_of
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.load.wire import written
from pynomaly_itest.transport.status import is_success
from pynomaly_itest.transport.tls import SYSTEM, Tls

_PATIENCE_S = 30.0
_READ_BYTES = 128 * 1024
_LARGEST_ANSWER = 256 * 1024 * 1024
_LOOK_AT_EVERY = 50


class WrongAnswer(StepFailed):
    """A side did not answer, or not what it should."""


@dataclass(frozen=True)
class Door:
    """Where a service is asked: its URL, and the address that its name was resolved to, once."""

    url: str
    address: str | None = None
    tls: Tls = SYSTEM

    def connect(self) -> socket.socket:
        """A connected socket; raises WrongAnswer where nobody lets us in."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            plain = socket.create_connection((self.address or parts.hostname or "", port), _PATIENCE_S)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme != "https":
                return plain
            return self.tls.context().wrap_socket(plain, server_hostname=parts.hostname)
        except OSError as problem:
            raise WrongAnswer(f"{self.url}: no connection: {problem}") from problem

    def request(self, endpoint: Endpoint, body: bytes) -> bytes:
        """The bytes that ask it."""
        return written(endpoint, self.url, body)


class Asker:
    """One connection; `ask` sends and waits. Connects anew where the other side closed between two questions."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._socket: socket.socket | None = None
        self._parser: Any = None
        self._done = False
        self._keeps_alive = True
        self._deadline_ns = 0
        self.received = 0
        self.status = 0
        self.body: list[bytes] | None = None
        self.is_hit = False
        self.is_stored = False

    def ask(self, data: bytes) -> int:
        """Nanoseconds until the whole answer was there; `status` is its status. Raises WrongAnswer."""
        self.connect()
        begun = perf_counter_ns()
        self.send(data)
        while not self.read():
            pass
        return perf_counter_ns() - begun

    def connect(self) -> socket.socket:
        """The connection, made where there is none (or the last answer said that it is over)."""
        if self._socket is None or not self._keeps_alive:
            self.close()
            self._socket = self._door.connect()
            self._keeps_alive = True
        return self._socket

    def send(self, data: bytes) -> None:
        """Send a question."""
        assert self._socket is not None  # noqa: S101 - connect() was called
        self._parser = httptools.HttpResponseParser(self)
        self._deadline_ns = perf_counter_ns() + int(_PATIENCE_S * 1e9)
        self._done, self.received, self.is_hit, self.is_stored = False, 0, False, False
        try:
            self._socket.sendall(data)
        except OSError as problem:
            raise WrongAnswer(f"{self._door.url}: the connection broke: {problem}") from problem

    def read(self) -> bool:
        """Read what is there; whether the answer is whole."""
        assert self._socket is not None  # noqa: S101 - connect() was called
        try:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise WrongAnswer(f"{self._door.url}: the connection ended before the answer did")
            self.received += len(data)
            self._parser.feed_data(data)
        except TimeoutError as problem:
            raise WrongAnswer(f"{self._door.url}: no whole answer within {_PATIENCE_S:g} s") from problem
        except (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            raise WrongAnswer(f"{self._door.url}: no HTTP answer: {type(problem).__name__}") from problem
        if self.received > _LARGEST_ANSWER:
            raise WrongAnswer(f"{self._door.url}: the answer is larger than {_LARGEST_ANSWER >> 20} MB")
        if not self._done and perf_counter_ns() > self._deadline_ns:  # it comes, but in drips
            raise WrongAnswer(f"{self._door.url}: no whole answer within {_PATIENCE_S:g} s")
        return self._done

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    # what httptools calls

    def on_header(self, name: bytes, value: bytes) -> None:
        known = name.lower()
        if known == b"x-cache":
            self.is_hit = b"hit" in value.lower()
        elif known == b"age":
            self.is_stored = value.strip() not in (b"", b"0")

    def on_body(self, body: bytes) -> None:
        if self.body is not None:
            self.body.append(body)

    def on_message_complete(self) -> None:
        self._done = True
        self.status = self._parser.get_status_code()
        self._keeps_alive = self._parser.should_keep_alive()


def check(asker: Asker, endpoint: Endpoint, data: bytes) -> None:
    """Ask once and look at the answer itself: a fast wrong answer is no answer, a stored one no evidence.

    Raises WrongAnswer; CannotMeasure where a cache in between answered (RFC 9111: it says the answer's age).
    """
    asker.body = []
    try:
        asker.ask(data)
        look_at(asker, endpoint)
    finally:
        asker.body = None


def look_at(asker: Asker, endpoint: Endpoint) -> None:
    """The same for an answer that is there; `asker.body` was a list when it was asked for."""
    refuse_error(asker, endpoint)
    place = f"{endpoint.method} {endpoint.path.partition('?')[0]}"
    wrong = outcome_of(b"".join(asker.body or ()), endpoint.checks) if endpoint.checks else None
    if wrong is not None:
        raise WrongAnswer(f"{place}: the answer is wrong ({wrong.label})")
    if asker.is_stored:
        raise CannotMeasure(
            f"{place}: a cache in between answers, and not the service (the answer has an age)",
            hint="ask the service itself, or requests that may not be stored",
        )


def refuse_error(asker: Asker, endpoint: Endpoint) -> None:
    """Raises WrongAnswer where the last answer's status is no success."""
    if not is_success(asker.status, endpoint.expect_status):
        raise WrongAnswer(f"{endpoint.method} {endpoint.path.partition('?')[0]} answered {asker.status}")


def answers_per_second(
    askers: Sequence[Asker],
    questions: Iterator[tuple[Endpoint, bytes]],
    clock: Callable[[], int],
    until_ns: int,
) -> float:
    """Whole, successful answers a second, each connection asking as soon as it is answered (closed model).

    Every answer's status is looked at, and now and then the answer itself. Where none came in time, the rate is that
    of those that came late: a service that stalls is slow, not absent.
    """
    with selectors.DefaultSelector() as ready:
        asked: dict[Asker, Endpoint] = {}
        numbers = itertools.count()
        begun = clock()
        for asker in askers:
            ready.register(asker.connect(), selectors.EVENT_READ, asker)
            asked[asker] = _next(asker, questions, next(numbers))
        count, last, late = 0, begun, 0
        while asked:
            for key, _ in ready.select(_PATIENCE_S) or _nobody():
                asker = key.data
                while not asker.read():
                    pass
                (refuse_error if asker.body is None else look_at)(asker, asked[asker])
                now = clock()
                if now < until_ns:
                    count, last = count + 1, now
                    asked[asker] = _next(asker, questions, next(numbers))
                else:  # answered after the end: waited for, and counted only where there is nothing else
                    late, asker.body = late + 1, None
                    del asked[asker]
                    ready.unregister(key.fileobj)
        ended = clock()
    return count / ((last - begun) / 1e9) if count else late / ((ended - begun) / 1e9)


def _next(asker: Asker, questions: Iterator[tuple[Endpoint, bytes]], number: int) -> Endpoint:
    endpoint, data = next(questions)
    asker.body = [] if number % _LOOK_AT_EVERY == 0 and endpoint.checks else None
    asker.send(data)
    return endpoint


def _nobody() -> list[Any]:
    raise WrongAnswer(f"no connection answered within {_PATIENCE_S:g} s")
