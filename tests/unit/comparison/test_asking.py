"""The blocking client: what it takes for an answer, and what it takes for none."""

from __future__ import annotations

import itertools
import socket
import time

import pytest
from misbehaving import Behaviour, Connection, serving

from pynomaly_itest.comparison.asking import Asker, Door, WrongAnswer, answers_per_second, check
from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.load.plan import Check, Endpoint

RIGHT = Endpoint(method="POST", path="/score", bodies=(b"{}",), checks=(Check("labels", "length", 2),))


def asked(url: str, endpoint: Endpoint = RIGHT) -> None:
    door = Door(url)
    asker = Asker(door)
    try:
        check(asker, endpoint, door.request(endpoint, endpoint.bodies[0]))
    finally:
        asker.close()


def test_a_right_answer() -> None:
    with serving(lambda head, connection: connection.answer(200, '{"labels": [0, 1]}')) as url:
        asked(url)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, '{"labels": [0, 1]}', "answered 500"),
        (301, "", "answered 301"),
        (200, '{"labels": [0]}', "the answer is wrong"),
        (200, "<html>", "the answer is wrong"),
    ],
)
def test_a_fast_wrong_answer_is_none(status: int, body: str, said: str) -> None:
    with (
        serving(lambda head, connection: connection.answer(status, body)) as url,
        pytest.raises(WrongAnswer, match=said),
    ):
        asked(url)


def garbage(head: str, connection: Connection) -> None:
    connection.wfile.write(b"\x00\x01 not HTTP\r\n\r\n")


def half(head: str, connection: Connection) -> None:
    connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    connection.wfile.flush()
    connection.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("behave", "said"), [(garbage, "no HTTP answer"), (half, "ended before the answer did")]
)
def test_what_is_no_answer_is_told(behave: Behaviour, said: str) -> None:
    with serving(behave) as url, pytest.raises(WrongAnswer, match=said):
        asked(url)


def test_nobody_there() -> None:
    with serving(lambda head, connection: None) as url:
        pass
    with pytest.raises(WrongAnswer, match="no connection"):
        asked(url)


def test_a_connection_that_is_over_is_made_anew() -> None:
    with serving(lambda head, connection: connection.answer(200, "{}", Connection="close")) as url:
        door, plain = Door(url), Endpoint(path="/")
        asker = Asker(door)
        for _ in range(3):
            assert asker.ask(door.request(plain, b"")) > 0
            assert asker.status == 200
        asker.close()


def test_answers_a_second_on_several_connections() -> None:
    def slow(head: str, connection: Connection) -> None:
        time.sleep(0.005)  # the server's own slowness is what is measured
        connection.answer(200, "{}")

    with serving(slow) as url:
        door, plain = Door(url), Endpoint(path="/")
        askers = [Asker(door) for _ in range(2)]
        questions = itertools.repeat((plain, door.request(plain, b"")))
        rate = answers_per_second(askers, questions, time.monotonic_ns, time.monotonic_ns() + 200_000_000)
        for asker in askers:
            asker.close()
    assert 20 < rate < 400  # two connections of at most 200/s each


def test_an_error_under_load_is_no_throughput() -> None:
    with serving(lambda head, connection: connection.answer(503, "{}")) as url:
        door, plain = Door(url), Endpoint(path="/")
        asker = Asker(door)
        with pytest.raises(WrongAnswer, match="answered 503"):
            answers_per_second(
                [asker],
                itertools.repeat((plain, door.request(plain, b""))),
                time.monotonic_ns,
                time.monotonic_ns() + 50_000_000,
            )
        asker.close()


def rate(url: str, endpoint: Endpoint, seconds: float) -> float:
    door = Door(url)
    asker = Asker(door)
    questions = itertools.repeat((endpoint, door.request(endpoint, endpoint.bodies[0])))
    try:
        until = time.monotonic_ns() + int(seconds * 1e9)
        return answers_per_second([asker], questions, time.monotonic_ns, until)
    finally:
        asker.close()


def test_a_fast_wrong_answer_under_load_is_no_throughput() -> None:
    """As quick as can be, with 200, and half of the answers empty."""
    numbers = itertools.count()

    def half_empty(head: str, connection: Connection) -> None:
        connection.answer(200, '{"labels": [0, 1]}' if next(numbers) % 51 < 25 else '{"labels": []}')

    with serving(half_empty) as url, pytest.raises(WrongAnswer, match="the answer is wrong"):
        rate(url, RIGHT, 5.0)


def test_a_service_that_stalls_through_a_block_is_slow_and_not_absent() -> None:
    def stalling(head: str, connection: Connection) -> None:
        time.sleep(0.1)  # the server's own slowness is what is measured
        connection.answer(200, '{"labels": [0, 1]}')

    with serving(stalling) as url:
        assert 1 < rate(url, RIGHT, 0.02) <= 10


@pytest.mark.parametrize("age", ["1", "3600"])
def test_what_a_cache_in_between_answers_is_no_evidence(age: str) -> None:
    with (
        serving(lambda head, connection: connection.answer(200, '{"labels": [0, 1]}', Age=age)) as url,
        pytest.raises(CannotMeasure, match="a cache in between"),
    ):
        asked(url)


@pytest.mark.parametrize(("said", "hit"), [("HIT", True), ("miss", False)])
def test_an_answer_of_the_services_own_cache_is_told(said: str, hit: bool) -> None:
    def behave(head: str, connection: Connection) -> None:
        connection.answer(200, '{"labels": [0, 1]}', Age="0", X_Cache=said)

    with serving(behave) as url:
        door = Door(url)
        asker = Asker(door)
        check(asker, RIGHT, door.request(RIGHT, b"{}"))
        asker.close()
    assert asker.is_hit is hit
