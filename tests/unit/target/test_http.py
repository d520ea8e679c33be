"""Every way in which a request can go wrong is told in words, with the redacted exchange."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import misbehaving
import pytest

from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.http import Body, Http, Reply, RequestFailed, show_bytes
from pynomaly_itest.transport.client import open_client


def ask(url: str, *, max_reply_bytes: int = 1024, timeout_s: float = 5.0, **options: Any) -> Reply:
    async def send() -> Reply:
        async with open_client(url, 30.0) as client:
            http = Http(client, Redactor(("hunter2",)), "run-1", timeout_s, max_reply_bytes=max_reply_bytes)
            return await http.send(options.pop("method", "GET"), "/x", **options)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("behave", "says"),
    [
        (misbehaving.hanging, "no whole answer within 0.2 s|no answer within 0.2 s"),
        (misbehaving.resetting, "the connection was (reset|closed)"),
        (misbehaving.truncating, "the connection was closed before the reply was complete"),
        (lambda _, it: it.answer(200, "x" * 5000), "larger than"),
        (
            lambda _, it: it.answer(200, gzip.compress(b"0" * 3_000_000), Content_Encoding="gzip"),
            "larger than",
        ),
        (lambda _, it: it.answer(200, b"no gzip", Content_Encoding="gzip"), "can't be decoded"),
    ],
)
def test_a_misbehaving_target_is_told_in_words(behave: Callable[..., None], says: str) -> None:
    with misbehaving.serving(behave) as url, pytest.raises(RequestFailed, match=says) as caught:
        ask(url, timeout_s=0.2 if behave is misbehaving.hanging else 5.0)
    assert caught.value.exchange.error
    assert caught.value.exchange.status is None


def test_a_refused_connection_is_told_in_words() -> None:
    with pytest.raises(RequestFailed, match="connection refused"):
        ask(f"http://127.0.0.1:{misbehaving.closed_port()}")


def test_a_reply_carries_status_body_latency_and_a_redacted_exchange() -> None:
    with misbehaving.serving(lambda _, it: it.answer(200, '{"echo": "hunter2"}', Set_Cookie="s=1")) as url:
        reply = ask(
            url,
            method="POST",
            headers={"Authorization": "Bearer hunter2"},
            body=Body(json={"password": "other", "n": 1}),
        )
    assert (reply.status, reply.json()) == (200, {"echo": "hunter2"})
    assert reply.latency_ms > 0
    shown = reply.exchange.model_dump_json()
    assert "hunter2" not in shown
    assert "other" not in shown
    assert "s=1" not in shown
    assert '\\"n\\": 1' in shown


def test_every_request_carries_the_runs_id() -> None:
    heads: list[str] = []

    def behave(head: str, connection: misbehaving.Connection) -> None:
        heads.append(head)
        connection.answer(200, "{}")

    with misbehaving.serving(behave) as url:
        ask(url)
    assert "x-pynomaly-itest-run: run-1" in heads[0].lower()


def test_html_where_json_was_needed_is_a_failure_with_a_hint() -> None:
    with misbehaving.serving(misbehaving.html) as url:
        reply = ask(url)
    with pytest.raises(RequestFailed, match="text/html, not JSON") as caught:
        reply.json()
    assert "address" in (caught.value.hint or "")


def test_redirects_are_not_followed() -> None:
    with misbehaving.serving(lambda _, it: it.answer(302, "", Location="http://192.0.2.1/")) as url:
        assert ask(url).status == 302


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"plain\ntext", "plain\ntext"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\xff\xfe\x00\x01\x02\x03\x04\x05", "(8 bytes that are not text)"),
        ("ä".encode()[:1], ""),
    ],
)
def test_bytes_are_shown_as_harmless_text(content: bytes, shown: str) -> None:
    assert show_bytes(content) == shown
