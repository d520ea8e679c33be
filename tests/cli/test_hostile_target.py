"""A target that attacks whoever tests it: nothing of it reaches screen or report unharmed, and the run ends."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import misbehaving
import pytest
from command_line import Finished, Itest

PROFILE = """
version: 1
name: hostile
scenarios:
  - id: probes
    steps:
      - probe:
          select: [AUT-01, AUT-05, CFG-02, CFG-04, JWT-01, SES-01, INP-03, AUD-01, AZ-01]
          demands: {budget: {requests: 300}}
"""
NASTY = "\x1b[2J\x1b]0;owned\x07</script><script>alert(1)</script>\n::error::owned\n::set-output name=x::y\r\x00\u202e"
Answer = Callable[[str, misbehaving.Connection], None]


def shouting(_: str, connection: misbehaving.Connection) -> None:
    connection.answer(200, json.dumps({"access_token": NASTY}), X_Nasty="\x1b[31m")


def nasty_problems(_: str, connection: misbehaving.Connection) -> None:
    body = {"detail": NASTY, "title": NASTY}
    connection.answer(418, json.dumps(body), "application/problem+json")


def not_unicode(_: str, connection: misbehaving.Connection) -> None:
    connection.answer(200, b"\xff\xfe\x00\x80" * 100, "application/json; charset=utf-8")


@cache
def bomb() -> bytes:
    return gzip.compress(b" " * (200 << 20), 6)


def bombing(_: str, connection: misbehaving.Connection) -> None:
    connection.answer(200, bomb(), Content_Encoding="gzip")


def ten_thousand_headers(_: str, connection: misbehaving.Connection) -> None:
    headers = "".join(f"X-{number}: {'v' * 50}\r\n" for number in range(10_000))
    connection.wfile.write(f"HTTP/1.1 200 X\r\n{headers}Content-Length: 2\r\n\r\n{{}}".encode())


def endless(_: str, connection: misbehaving.Connection) -> None:
    """2 GB in chunks, as fast as they are taken."""
    connection.wfile.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    for _ in range(2048):
        connection.wfile.write(chunk)


def deep(_: str, connection: misbehaving.Connection) -> None:
    connection.answer(200, "[" * 100_000)


def run_against(itest: Itest, behave: Answer) -> Finished:
    with misbehaving.serving(behave) as url:
        return itest(
            *("run", "-p", itest.profile(PROFILE), "--target", url, "--user", "root-user", "-v"),
            *("--report", "html,json,junit,sarif,markdown,csv,tap,ctrf"),
            timeout_s=100,
            PYNOMALY_ITEST_PASSWORD="a-password-of-the-test-1",
            GITHUB_ACTIONS="true",
        )


@pytest.mark.parametrize(
    "behave", [shouting, nasty_problems, not_unicode, bombing, ten_thousand_headers, endless, deep]
)
def test_a_hostile_target_is_never_a_pass_and_never_a_crash(itest: Itest, behave: Answer) -> None:
    done = run_against(itest, behave)
    assert done.code in (1, 3, 4), done.text
    assert "a bug of pynomaly-itest" not in done.text, done.text
    assert not {"\x1b", "\x07", "\x00", "\r", "\u202e"} & set(done.text)
    commands = [line for line in done.text.splitlines() if line.lstrip().startswith("::")]
    token = commands[0].removeprefix("::stop-commands::")
    heard = commands[commands.index(f"::{token}::") + 1 :]
    assert all(line.startswith(("::error ", "::warning ")) for line in heard), heard
    assert not [line for line in heard if "owned" in line.split("::", 2)[1]]
    for path in (itest.folder / "reports" / "latest").iterdir():
        text = path.read_text()
        assert path.suffix != ".html" or "<script>alert(1)" not in text
        assert not {"\x1b", "\x07", "\x00"} & set(text), path.name


def test_a_redirect_to_another_origin_is_not_followed_and_takes_no_credentials_along(itest: Itest) -> None:
    asked: list[str] = []
    elsewhere_done = threading.Event()

    def elsewhere(head: str, connection: Any) -> None:
        asked.append(head)
        elsewhere_done.set()
        connection.answer(200, "{}")

    with misbehaving.serving(elsewhere) as other:

        def redirecting(_: str, connection: misbehaving.Connection) -> None:
            connection.answer(307, "{}", Location=f"{other}/stolen")

        done = run_against(itest, redirecting)
    assert done.code in (1, 3, 4), done.text
    assert asked == []
