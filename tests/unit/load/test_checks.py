"""A fast wrong answer is not a success."""

from __future__ import annotations

from typing import Any

import pytest

from pynomaly_itest.load.checks import outcome_of
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.plan import Check, CheckOperator
from pynomaly_itest.load.server_timing import server_ms

BODY = b'{"n": 3, "labels": [0, 1, 0], "detector": {"name": "iforest"}}'


@pytest.mark.parametrize(
    ("field", "op", "value", "outcome"),
    [
        ("", "exists", None, None),
        ("n", "==", 3, None),
        ("n", "==", 4, Outcome.WRONG_ANSWER),
        ("n", "<=", 2, Outcome.WRONG_ANSWER),
        ("labels", "length", 3, None),
        ("labels", "length", 2, Outcome.WRONG_ANSWER),
        ("labels.1", "==", 1, None),
        ("labels.3", "exists", None, Outcome.WRONG_ANSWER),
        ("detector.name", "matches", "^ifor", None),
        ("detector.name", "contains", "lof", Outcome.WRONG_ANSWER),
        ("detector.age", "exists", None, Outcome.WRONG_ANSWER),
        ("n", ">", "text", Outcome.WRONG_ANSWER),
        ("", "contains", "iforest", None),
        ("", "matches", "^<html", Outcome.WRONG_ANSWER),
    ],
)
def test_checks(field: str, op: CheckOperator, value: Any, outcome: Outcome | None) -> None:
    assert outcome_of(BODY, (Check(field, op, value),)) is outcome


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_a_bad_body(body: bytes) -> None:
    assert outcome_of(body, (Check(),)) is Outcome.BAD_BODY


def test_text_checks_need_no_json() -> None:
    assert outcome_of(b"all is \xffwell", (Check("", "contains", "all is"),)) is None


@pytest.mark.parametrize(
    ("head", "milliseconds"),
    [
        (b"server-timing: app;dur=12.5", 12.5),
        (b'Server-Timing: db;dur=3, total;desc="all";dur="40.25"', 40.25),
        (b"Server-Timing: db;dur=3, cache;dur=7", 7.0),
        (b"Server-Timing: missed", None),
        (b"X-Server-Timing-Not: app;dur=1", None),
    ],
)
def test_server_timing(head: bytes, milliseconds: float | None) -> None:
    assert server_ms(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nserver-timing: app;dur=99") == milliseconds
