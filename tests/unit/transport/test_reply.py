"""The one reader: whatever a server sends, `request` and `load` take it for the same, in one piece or byte by byte."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any, cast

import pytest

from pynomaly_itest.load import Check, ConstantVus, Endpoint, LoadPlan, Outcome
from pynomaly_itest.load.client import CarefulConnection
from pynomaly_itest.load.frames import ROW
from pynomaly_itest.load.usual import UsualAnswer
from pynomaly_itest.load.wire import Prepared, prepare
from pynomaly_itest.transport.coding import content_coding, decoded
from pynomaly_itest.transport.reply import BadReply, CutOff, ReplyReader, TooLarge, regular_head

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 2\r\n"
READ = {
    "plain": OK + LENGTH + b"\r\n{}",
    "folded header": OK + b"X-A: one\r\n  two\r\n" + LENGTH + b"\r\n{}",
    "folded with a tab": OK + b"X-A: one \r\n\ttwo\r\n" + LENGTH + b"\r\n{}",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "some bare LF": b"HTTP/1.1 200 OK\r\nX: y\n" + LENGTH + b"\r\n{}",
    "equal lengths": OK + LENGTH + LENGTH + b"\r\n{}",
    "equal lengths in a list": OK + b"Content-Length: 2, 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n{}",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n{}",
    "closing": OK + b"Connection: close\r\n" + LENGTH + b"\r\n{}",
    "after 100": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n{}",
    "after 103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + LENGTH + b"\r\n{}",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
    "empty lines before": b"\r\n" + OK + LENGTH + b"\r\n{}",
    "a value beyond ASCII": OK + b"X-A: \xc3\xa9\xff\r\n" + LENGTH + b"\r\n{}",
}
ENDED = {
    "no length": OK + b"\r\n{}",
    "no length, bare LF": b"HTTP/1.1 200 OK\n\n{}",
    "no length, folded": OK + b"X: y\r\n z\r\n\r\n{}",
}
REFUSED = {
    "lengths that differ": OK + LENGTH + b"Content-Length: 3\r\n\r\n{}",
    "a length that is no number": OK + b"Content-Length: two\r\n\r\n{}",
    "a length and chunks": OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\n" + LENGTH + b"\r\n{}",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n" + LENGTH + b"\r\n{}",
    "a NUL in a name": OK + b"X\0: y\r\n" + LENGTH + b"\r\n{}",
    "a space before the colon": OK + b"X : y\r\n" + LENGTH + b"\r\n{}",
    "a chunk without a size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}
CUT = {
    "half a body": OK + b"Content-Length: 5\r\n\r\n{}",
    "half a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
    "half a head": b"HTTP/1.1 200 OK\r\nX",
    "half a folded head": b"HTTP/1.1 200 OK\r\nX: y\r\n z",
}


def read(pieces: list[bytes], *, ends: bool = False) -> ReplyReader:
    reader = ReplyReader()
    for piece in pieces:
        reader.feed(piece)
    if ends:
        reader.end()
    return reader


class Owner:
    """Holds one connection of the load engine."""

    max_response_bytes = 1 << 20

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.usual = UsualAnswer()

    def released(self, connection: object, now_ns: int) -> None: ...
    def lost(self, connection: object, *, ended_request: bool) -> None: ...
    def try_again(self, connection: object) -> None: ...
    def served_in(self, milliseconds: float) -> None: ...
    def explain(self, prepared: Prepared, outcome: Outcome, status: int, body: bytes) -> None: ...
    def compared(self) -> None: ...
    def has_created(self, prepared: Prepared, created: str) -> None: ...


class Transport:
    def write(self, data: bytes) -> None: ...
    def abort(self) -> None: ...


def by_load(pieces: list[bytes], *, ends: bool = False) -> Outcome:
    """What the load engine takes this reply for, where its body must be {}."""
    owner = Owner()
    connection = CarefulConnection(cast(Any, owner))
    connection.connection_made(cast(asyncio.BaseTransport, Transport()))
    endpoint = Endpoint(checks=(Check(field="", operator="==", value={}),))
    plan = LoadPlan(url="http://x", endpoints=(endpoint,), executor=ConstantVus(vus=1, duration_s=1))
    connection.start(prepare(plan)[0][0], 1, 1, 1, None)
    for piece in pieces:
        if connection.busy:
            connection.data_received(piece)
    if ends and connection.busy:
        connection.connection_lost(None)
    assert len(owner.rows) == 1, "no end"
    return Outcome((ROW.unpack(owner.rows[0])[0] & 0xFF) >> 1)


def ways(data: bytes) -> list[list[bytes]]:
    """In one piece, byte by byte, and in two pieces at each of some places."""
    return [
        [data],
        [bytes((byte,)) for byte in data],
        *([data[:at], data[at:]] for at in range(5, len(data), 7)),
    ]


@pytest.mark.parametrize("name", READ)
def test_what_may_be_read_is_read_by_both(name: str) -> None:
    for pieces in ways(READ[name]):
        reader = read(pieces)
        assert (reader.is_complete, reader.status, reader.take()) == (True, 200, b"{}")
        assert by_load(pieces) is Outcome.STATUS_2XX


@pytest.mark.parametrize("name", ENDED)
def test_a_reply_without_a_length_ends_with_its_connection(name: str) -> None:
    for pieces in ways(ENDED[name]):
        reader = read(pieces, ends=True)
        assert (reader.is_complete, reader.keeps_alive, reader.take()) == (True, False, b"{}")
        assert by_load(pieces, ends=True) is Outcome.STATUS_2XX


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_http_is_refused_by_both(name: str) -> None:
    for pieces in ways(REFUSED[name]):
        with pytest.raises(BadReply):
            read(pieces)
        assert by_load(pieces) is Outcome.BAD_BODY


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_off_is_no_reply(name: str) -> None:
    for pieces in ways(CUT[name]):
        with pytest.raises(CutOff):
            read(pieces, ends=True)
        assert by_load(pieces, ends=True) is Outcome.RESET


@pytest.mark.parametrize("more", [READ["plain"], b"HTTP/1.1 2", b"garbage"])
def test_what_comes_behind_a_reply_in_one_piece_makes_it_useless(more: bytes) -> None:
    with pytest.raises(BadReply, match="behind the reply"):
        read([READ["plain"] + more])
    assert by_load([READ["plain"] + more]) is Outcome.BAD_BODY
    later = read([READ["plain"], more])
    assert later.is_complete
    assert later.has_surplus


def test_a_fold_is_read_as_one_space_and_nothing_else_changes() -> None:
    (_, value), _ = read([READ["folded header"]]).fields
    assert value == b"one two"
    assert regular_head(OK + b"A: b\r\n\r\n") == OK + b"A: b\r\n\r\n"


def test_a_reply_to_head_ends_with_its_head() -> None:
    reader = ReplyReader(answers_head=True)
    reader.feed(OK + b"Content-Length: 500\r\n\r\n")
    assert reader.is_complete


def test_too_much_of_it_is_refused() -> None:
    with pytest.raises(TooLarge):
        ReplyReader(most_bytes=10).feed(READ["plain"])
    with pytest.raises(TooLarge, match="head"):
        read([OK, *([b"X-A: " + b"y" * 1000 + b"\r\n"] * 400)])
    with pytest.raises(TooLarge, match="head"):
        read([OK, *([b"X-A: y\r\n " + b"y" * 1000 + b"\r\n"] * 400)])


def test_a_compressed_body_is_read_as_what_it_was_and_within_a_limit() -> None:
    packed = gzip.compress(b"{}")
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert by_load([head + packed]) is Outcome.STATUS_2XX
    assert content_coding(head) == b"gzip"
    assert decoded(packed, b"gzip", 100) == b"{}"
    with pytest.raises(TooLarge):
        decoded(gzip.compress(b"0" * 10_000), b"gzip", 100)
    for wrong in (b"gzip", b"snappy"):
        with pytest.raises(BadReply):
            decoded(b"no gzip", wrong, 100)
