"""Requests as bytes, and the draws among them."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from pynomaly_itest.load import ConstantVus, Endpoint, LoadPlan
from pynomaly_itest.load.plan import Draw
from pynomaly_itest.load.wire import draws, prepare, written


def plan(*endpoints: Endpoint, url: str = "http://example.test:81/api", seed: int = 0) -> LoadPlan:
    return LoadPlan(url=url, endpoints=endpoints, executor=ConstantVus(vus=1, duration_s=1), seed=seed)


def test_a_request_in_wire_format() -> None:
    endpoint = Endpoint(method="post", path="/v1/x?y=1", headers=(("X-Key", "k"), ("Content-Length", "999")))
    assert written(endpoint, "http://host:81/api/", b"body") == (
        b"POST /api/v1/x?y=1 HTTP/1.1\r\nHost: host:81\r\nUser-Agent: pynomaly-itest\r\nAccept: */*\r\n"
        b"X-Key: k\r\nContent-Length: 4\r\n\r\nbody"
    )


def test_own_headers_take_precedence_and_no_body_needs_no_length() -> None:
    endpoint = Endpoint(headers=(("host", "other"), ("User-Agent", "me"), ("ACCEPT", "text/html")))
    assert written(endpoint, "http://host", b"") == (
        b"GET / HTTP/1.1\r\nhost: other\r\nUser-Agent: me\r\nACCEPT: text/html\r\n\r\n"
    )


def test_credentials_of_the_url_do_not_travel_in_the_host() -> None:
    [[prepared]] = prepare(plan(Endpoint(), url="http://user:pw@host:8/"))
    assert b"Host: host:8\r\n" in prepared.data
    assert b"pw" not in prepared.data


def test_weights() -> None:
    mixed = plan(Endpoint(name="a", weight=3), Endpoint(name="b", path="/b", weight=1))
    counted = Counter(request.code >> 8 for request in islice(draws(mixed, prepare(mixed), 0), 20_000))
    assert counted[0] / 20_000 == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("draw", ["uniform", "zipf", "in-order"])
def test_bodies_are_drawn_as_asked(draw: Draw) -> None:
    bodies = tuple(str(number).encode() for number in range(10))
    chosen = plan(Endpoint(method="POST", bodies=bodies, draw=draw))
    drawn = [request.data[-1:] for request in islice(draws(chosen, prepare(chosen), 0), 20_000)]
    first = Counter(drawn)[b"0"] / 20_000
    harmonic = sum(1 / rank for rank in range(1, 11))
    assert first == pytest.approx(1 / harmonic if draw == "zipf" else 0.1, abs=0.02)
    if draw == "in-order":
        assert drawn[:11] == [*(body for body in bodies), b"0"]


def test_the_same_seed_draws_the_same_and_each_worker_its_own() -> None:
    chosen = plan(Endpoint(method="POST", bodies=tuple(bytes([n]) for n in range(50))))

    def drawn(worker: int, seed: int) -> list[bytes]:
        again = plan(*chosen.endpoints, seed=seed)
        return [request.data[-1:] for request in islice(draws(again, prepare(again), worker), 50)]

    assert drawn(0, 1) == drawn(0, 1)
    assert drawn(0, 1) != drawn(1, 1)
    assert drawn(0, 1) != drawn(0, 2)
