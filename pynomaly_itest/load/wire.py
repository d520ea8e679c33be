"""Requests as bytes, written once before the load begins: nothing is formatted while it runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit

from pynomaly_itest.load.answers import Answer
from pynomaly_itest.load.outcomes import CODE_ENDPOINT_SHIFT, PLAIN_SUCCESS
from pynomaly_itest.load.plan import Check, Endpoint, LoadPlan
from pynomaly_itest.transport.request import is_idempotent, request_bytes

_DRAWS = 4096
_REUSE_NS = 4_000_000_000  # uvicorn and Node close after 5 s
_REUSE_ONCE_NS = 1_000_000_000  # gunicorn after 2 s


@dataclass(frozen=True, slots=True)
class Prepared:
    """One request ready to send, and what is expected of its answer."""

    data: bytes
    code: int
    """endpoint << 8: the part of a row's code that is known beforehand."""
    expect_status: frozenset[int]
    checks: tuple[Check, ...]
    check_every: int
    is_plain: bool
    """Any 2xx is a success, and nobody looks at the body."""
    plain_code: int
    """A plain success's whole code, where an answer's bytes say all there is to know of it; else 0."""
    has_no_body: bool
    is_retriable: bool
    reuse_within_ns: int
    """For how long a connection may have been idle before it: servers close idle ones, and what may not be sent again
    (RFC 9110, 9.2.2) must not be what finds that out."""
    answer: Answer | None = None
    known: tuple[Answer, ...] = ()
    """Every body's answer, for telling whose it is."""
    verify_every: int = 1
    created_id: str | None = None


def prepare(plan: LoadPlan) -> list[list[Prepared]]:
    """For each endpoint, one prepared request a body."""
    known = tuple(answer for endpoint in plan.endpoints for answer in endpoint.answers)
    return [
        [_prepared(plan.url, endpoint, number, place, known) for place in range(len(endpoint.bodies))]
        for number, endpoint in enumerate(plan.endpoints)
    ]


def _prepared(url: str, endpoint: Endpoint, number: int, place: int, known: tuple[Answer, ...]) -> Prepared:
    method = endpoint.method.upper()
    code = number << CODE_ENDPOINT_SHIFT
    is_plain = not (endpoint.checks or endpoint.expect_status or endpoint.answers or endpoint.created_id)
    return Prepared(
        data=written(endpoint, url, endpoint.bodies[place]),
        code=code,
        expect_status=frozenset(endpoint.expect_status),
        checks=endpoint.checks,
        check_every=endpoint.check_every,
        is_plain=is_plain,
        plain_code=code | PLAIN_SUCCESS if is_plain and method != "HEAD" else 0,
        has_no_body=method == "HEAD",
        is_retriable=is_idempotent(method),
        reuse_within_ns=_REUSE_NS if is_idempotent(method) else _REUSE_ONCE_NS,
        answer=endpoint.answers[place] if endpoint.answers else None,
        known=known,
        verify_every=endpoint.verify_every,
        created_id=endpoint.created_id,
    )


def written(endpoint: Endpoint, url: str, body: bytes) -> bytes:
    """The request in HTTP/1.1's wire format, for the target at `url`."""
    parts = urlsplit(url)
    authority = parts.netloc.rpartition("@")[2]
    return request_bytes(authority, parts.path, endpoint.method, endpoint.path, endpoint.headers, body)


def draws(plan: LoadPlan, prepared: list[list[Prepared]], worker: int) -> Iterator[Prepared]:
    """An endless series of requests: endpoints by weight, bodies as each endpoint says, all from the seed."""
    if len(prepared) == 1 and (len(prepared[0]) == 1 or plan.endpoints[0].draw == "in-order"):
        return cycle(prepared[0])
    return _drawn(plan, prepared, random.Random(f"{plan.seed}/{worker}"))  # noqa: S311 - a rhythm, not a secret


def _drawn(plan: LoadPlan, prepared: list[list[Prepared]], chance: random.Random) -> Iterator[Prepared]:
    weights = [endpoint.weight for endpoint in plan.endpoints]
    bodies = [
        _bodies(endpoint, variants, chance)
        for endpoint, variants in zip(plan.endpoints, prepared, strict=True)
    ]
    while True:
        for source in chance.choices(bodies, weights, k=_DRAWS):
            yield next(source)


def _bodies(endpoint: Endpoint, variants: list[Prepared], chance: random.Random) -> Iterator[Prepared]:
    if len(variants) == 1 or endpoint.draw == "in-order":
        yield from cycle(variants)
    ranks = range(1, len(variants) + 1)
    weights = [1 / rank for rank in ranks] if endpoint.draw == "zipf" else [1.0 for _ in ranks]
    while True:
        yield from chance.choices(variants, weights, k=_DRAWS)
