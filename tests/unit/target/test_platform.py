"""Logging in, calling, and what a refusal says."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.redaction import HIDDEN, Redactor
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.http import Http, RequestFailed
from pynomaly_itest.target.platform import PlatformApi

Handler = Callable[[httpx.Request], httpx.Response]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def with_api(handler: Handler, use: Callable[[PlatformApi], Any], **credentials: str) -> Any:
    async def go() -> Any:
        redactor = Redactor()
        transport = httpx.MockTransport(handler)
        async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
            http = Http(client, redactor, "run")
            return await use(PlatformApi(http, Credentials(**credentials), redactor, Clock()))

    return asyncio.run(go())


def tokens(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/api/v1/auth/login":
        return httpx.Response(
            200, json={"access_token": "token-1", "token_type": "bearer", "expires_in": 100}
        )
    return httpx.Response(200, json={"authorization": request.headers.get("authorization")})


def test_it_logs_in_once_and_again_before_the_token_runs_out() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path.rsplit("/", 1)[-1])
        return tokens(request)

    async def use(api: PlatformApi) -> None:
        await api.call("GET", "a")
        reply = await api.call("GET", "b")
        assert reply == {"authorization": "Bearer token-1"}
        api.clock.now = 71.0  # type: ignore[attr-defined]
        await api.call("GET", "c")

    with_api(handler, use, username="u", password="hunter2")
    assert seen == ["login", "a", "b", "login", "c"]


def test_what_has_to_last_is_renewed_in_time_and_says_how_long_it_is_good_for() -> None:
    logins: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        logins.extend([request.url.path] if request.url.path.endswith("login") else [])
        return tokens(request)

    async def use(api: PlatformApi) -> None:
        assert api.good_for_s() == math.inf  # nothing was given yet
        await api.authorization()
        api.clock.now = 50.0  # type: ignore[attr-defined]
        await api.authorization()
        assert (len(logins), api.good_for_s()) == (1, 50)
        with api.lasting(40):
            await api.authorization()
        assert (len(logins), api.good_for_s()) == (2, 100)
        with api.lasting(4000):  # longer than any token: a fresh one, and how long that is good for
            await api.authorization()
        assert (len(logins), api.good_for_s()) == (3, 100)
        await api.authorization()
        assert len(logins) == 3

    with_api(handler, use, username="me", password="secret")


def test_the_token_that_came_back_is_a_secret_from_then_on() -> None:
    async def use(api: PlatformApi) -> str:
        await api.call("GET", "a")
        return api.redactor.values("it is token-1")

    assert with_api(tokens, use, username="u", password="hunter2") == f"it is {HIDDEN}"


def test_a_refused_login_is_our_mistake_not_the_targets() -> None:
    async def use(api: PlatformApi) -> None:
        await api.call("GET", "a")

    with pytest.raises(CannotMeasure, match="refused the login of 'u'"):
        with_api(lambda _: httpx.Response(401), use, username="u", password="wrong")


def test_tokens_and_keys_are_sent_as_they_are_and_nothing_without_any() -> None:
    async def use(api: PlatformApi) -> dict[str, str]:
        return await api.authorization()

    assert with_api(tokens, use, token="t") == {"Authorization": "Bearer t"}
    assert with_api(tokens, use, api_key="k") == {"X-API-Key": "k"}
    assert with_api(tokens, use) == {}


def test_another_status_than_needed_is_a_failure_that_quotes_the_problem() -> None:
    problem = httpx.Response(
        409,
        content=json.dumps({"detail": "not fitted"}),
        headers={"content-type": "application/problem+json"},
    )

    async def use(api: PlatformApi) -> None:
        await api.call("POST", "detection/detect", accept=(200, 201))

    with pytest.raises(RequestFailed, match=r"answered 409 \(not fitted\), expected 200 or 201"):
        with_api(lambda _: problem, use, token="t")
