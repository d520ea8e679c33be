"""The answer that needs no parsing: whatever a server sends, what is noted is the same with it and without."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pynomaly_itest.load import ConstantVus, Endpoint, LoadPlan, Outcome
from pynomaly_itest.load.client import Connection
from pynomaly_itest.load.frames import ROW
from pynomaly_itest.load.usual import UsualAnswer, is_one_answer
from pynomaly_itest.load.wire import Prepared, prepare

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
OTHER = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n{ }"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
TIMED = b"HTTP/1.1 200 OK\r\nServer-Timing: total;dur=3\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
BEGUN = OK + b"HTTP/1.1 200"


class Unlearning(UsualAnswer):
    """Knows no usual answer: everything is parsed."""

    def saw(self, data: bytes) -> None:
        """Forget it."""


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True


class Owner:
    """Holds one connection and sends nothing by itself."""

    max_response_bytes = 1000

    def __init__(self, usual: UsualAnswer) -> None:
        self.rows: list[bytes] = []
        self.usual = usual
        self.server_ms: list[float] = []
        self.released_times = self.lost_times = 0

    def released(self, connection: Connection, now_ns: int) -> None:
        self.released_times += 1

    def lost(self, connection: Connection, *, ended_request: bool) -> None:
        self.lost_times += 1

    def try_again(self, connection: Connection) -> None:
        raise AssertionError("nothing is retried here")

    def served_in(self, milliseconds: float) -> None:
        self.server_ms.append(milliseconds)

    def explain(self, prepared: Prepared, outcome: Outcome, status: int, body: bytes) -> None:
        """Not looked at."""

    def compared(self) -> None:
        """Not looked at."""

    def has_created(self, prepared: Prepared, created: str) -> None:
        """Not looked at."""


def request(**settings: Any) -> Prepared:
    endpoint = Endpoint(**settings)
    plan = LoadPlan(url="http://x", endpoints=(endpoint,), executor=ConstantVus(vus=1, duration_s=1))
    return prepare(plan)[0][0]


class Talk:
    """A connection, and what came of the answers that it got."""

    def __init__(self, usual: UsualAnswer, prepared: Prepared | None = None) -> None:
        self.owner = Owner(usual)
        self.transport = Transport()
        self.connection = Connection(self.owner)
        self.connection.connection_made(cast(asyncio.Transport, self.transport))
        self.prepared = prepared or request()

    def ask(self, *pieces: bytes) -> None:
        """Send a request and get these pieces, one after the other."""
        if self.transport.aborted:
            return
        self.connection.start(self.prepared, 1, 2, 3, None)
        for piece in pieces:
            if not self.transport.aborted:
                self.connection.data_received(piece)

    @property
    def seen(self) -> tuple[object, ...]:
        codes = [ROW.unpack(row)[0] for row in self.owner.rows]
        return (
            codes,
            self.transport.aborted,
            self.connection.busy,
            self.owner.released_times,
            self.owner.lost_times,
        )


ANSWERS = st.sampled_from(
    [
        (OK,),
        (OTHER,),
        (CHUNKED,),
        (TIMED,),
        (BUSY,),
        (CLOSING,),
        (CONTINUED,),
        (BEGUN,),
        (OK[:20], OK[20:]),
        (OK[:-1],),
        (OK, OK),
        (OK + OK,),
        (b"HTTP/1.1 100 Continue\r\n\r\n", OK),
        (b"no HTTP\r\n\r\n",),
    ]
)


@example([((OK,), 3), ((BEGUN,), 1), ((OK,), 1)])
@example([((OK,), 3), ((OK[:20], OK[20:]), 1), ((OK,), 2), ((OK, OK), 1)])
@given(st.lists(st.tuples(ANSWERS, st.integers(1, 4)), max_size=8))
def test_what_is_noted_is_the_same_as_if_everything_were_parsed(
    talk: list[tuple[tuple[bytes, ...], int]],
) -> None:
    learning, parsing = Talk(UsualAnswer()), Talk(Unlearning())
    for pieces, times in talk:
        for _ in range(times):
            learning.ask(*pieces)
            parsing.ask(*pieces)
    assert learning.seen == parsing.seen


def test_an_answer_is_usual_when_it_comes_again_and_is_recorded_as_a_success() -> None:
    talk = Talk(UsualAnswer())
    for _ in range(3):
        talk.ask(OK)
    assert talk.owner.usual.answer == OK
    rows = [ROW.unpack(row) for row in talk.owner.rows]
    assert [row[:4] for row in rows] == [(Outcome.STATUS_2XX << 1 | 1, 1, 2, 3)] * 3
    assert all(row[4] == row[5] > 3 for row in rows)


def test_a_server_timing_is_read_each_time_it_is_due() -> None:
    talk = Talk(UsualAnswer())
    for _ in range(33):
        talk.ask(TIMED)
    assert talk.owner.usual.answer == b""
    assert talk.owner.server_ms == [3.0, 3.0, 3.0]


def test_the_usual_answer_that_nobody_asked_for_ends_the_connection() -> None:
    talk = Talk(UsualAnswer())
    for _ in range(3):
        talk.ask(OK)
    talk.connection.data_received(OK)
    assert talk.transport.aborted
    assert len(talk.owner.rows) == 3


def test_the_beginning_of_a_second_answer_is_one_too_many() -> None:
    talk = Talk(UsualAnswer())
    talk.ask(BEGUN)
    assert ROW.unpack(talk.owner.rows[0])[0] == Outcome.BAD_BODY << 1
    assert talk.transport.aborted


@pytest.mark.parametrize("settings", [{"method": "HEAD"}, {"expect_status": (200,)}], ids=str)
def test_where_the_bytes_do_not_say_all_the_answer_is_parsed(settings: dict[str, Any]) -> None:
    usual = UsualAnswer()
    usual.answer = OK
    talk = Talk(usual, request(**settings))
    assert talk.prepared.plain_code == 0
    talk.ask(OK)
    assert talk.connection.status == 200


@pytest.mark.parametrize("data", [OK, OTHER, CHUNKED, CONTINUED[25:]])
def test_one_answer(data: bytes) -> None:
    assert is_one_answer(data)


@pytest.mark.parametrize(
    "data", [OK + OK, BEGUN, OK[:-1], CLOSING, b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n{}"]
)
def test_more_or_less_than_one_answer(data: bytes) -> None:
    assert not is_one_answer(data)
