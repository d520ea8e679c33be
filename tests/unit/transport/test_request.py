"""The one writer: a path goes out byte for byte, what a URI can't hold is encoded, what can't be sent is told."""

from __future__ import annotations

import json
from pathlib import Path

import misbehaving
import pytest
from hypothesis import given
from hypothesis import strategies as st
from on_a_url import run_on

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.steps.request import Request
from pynomaly_itest.transport.request import (
    json_bytes,
    merged,
    problem_with,
    problem_with_path,
    request_bytes,
    request_target,
)
from pynomaly_itest.verdicts import Verdict

PATHS = {
    "/": "/",
    "//nothere": "//nothere",
    "/a/../b": "/a/../b",
    "/a/./b//c/": "/a/./b//c/",
    "/é": "/%C3%A9",
    '/x?q="<a b>"': "/x?q=%22%3Ca%20b%3E%22",
    "/%2e%2e/%41": "/%2e%2e/%41",
    "/100%": "/100%",
    "/x?a=[1]&b={2}|\\^`": "/x?a=%5B1%5D&b=%7B2%7D%7C%5C%5E%60",
    "/x?u=http://other/y?z": "/x?u=http://other/y?z",
    "/a;b=c,d@e:f!$&'()*+=~_-.": "/a;b=c,d@e:f!$&'()*+=~_-.",
}


@pytest.mark.parametrize(("path", "sent"), PATHS.items())
def test_a_path_goes_out_as_it_is_given(path: str, sent: str) -> None:
    assert request_target(path) == sent.encode()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_target_is_one_word_of_visible_ascii_or_is_refused(text: str) -> None:
    path = f"/{text}"
    if problem_with_path(path):
        with pytest.raises(CannotMeasure):
            request_target(path)
    else:
        target = request_target(path)
        assert target.isascii()
        assert not set(target) & set(b' "<>#\r\n\t')
        assert request_target(target.decode()) == target  # sent again, it is the same


@pytest.mark.parametrize(
    ("method", "path", "fields", "told"),
    [
        ("GET", "x", (), "begins with /"),
        ("GET", "/x#y", (), "%23"),
        ("GET", "/x\r\nHost: evil", (), "control character"),
        ("GET", "/\ud800", (), "surrogate"),
        ("GE T", "/", (), "no method"),
        ("GET", "/", (("X Y", "1"),), "no header name"),
        ("GET", "/", (("X", "1\r\nY: 2"),), "control character"),
        ("GET", "/", (("X", "é"),), "beyond ASCII"),
        ("GET", "/", (("Content-Length", "3"),), "the tool writes it"),
        ("GET", "/", (("Transfer-Encoding", "chunked"),), "the tool writes it"),
    ],
)
def test_what_can_not_be_sent_is_told(
    method: str, path: str, fields: tuple[tuple[str, str], ...], told: str
) -> None:
    assert told in (problem_with(method, path, fields) or "")


def test_what_can_not_be_sent_is_told_when_the_profile_is_checked() -> None:
    for config, told in (
        ({"path": "/x#y"}, "fragment"),
        ({"path": "/", "headers": {"X": "é"}}, "beyond ASCII"),
        ({"path": "/", "headers": {"Accept": "a", "accept": "b"}}, "one header"),
    ):
        with pytest.raises(ValueError, match=told):
            Request.model_validate(config)


def test_a_request_in_wire_format_with_the_targets_prefix() -> None:
    sent = request_bytes("host:81", "/api/", "post", "/x", (("accept", "text/csv"),), b"{}")
    assert sent == (
        b"POST /api/x HTTP/1.1\r\nHost: host:81\r\nUser-Agent: pynomaly-itest\r\n"
        b"accept: text/csv\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_header_names_are_one_whatever_their_case() -> None:
    assert merged({"Authorization": "a", "X": "1"}, {"authorization": "b"}) == {
        "X": "1",
        "authorization": "b",
    }


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, "\ud800", object()])
def test_what_json_has_no_form_for_is_told(value: object) -> None:
    with pytest.raises(CannotMeasure, match="JSON"):
        json_bytes(value)


CONFIGS: list[dict[str, object]] = [
    *({"path": path} for path in PATHS),
    {"method": "POST", "path": "/x", "json": {"a": [1, "é"], "b": None}},
    {"method": "POST", "path": "/x", "form": {"a": "é &", "b": ""}},
    {"method": "PUT", "path": "/x", "body": "é", "headers": {"content-type": "text/plain"}},
    {"method": "POST", "path": "/x"},
    {"method": "DELETE", "path": "/x", "headers": {"Host": "other", "ACCEPT": "text/html", "X-A": " b "}},
]


def _sent(head: str) -> str:
    """The head; its Host goes first."""
    assert head.splitlines()[1].lower().startswith("host:")
    return head


def test_request_and_load_send_the_same_bytes(tmp_path: Path) -> None:
    heads: list[str] = []

    def record(head: str, connection: misbehaving.Connection) -> None:
        if "/api/v1/health" not in head and "/metrics" not in head:
            heads.append(head)
        connection.answer(200, "{}")

    mix = [{"request": {"request": config}, "name": f"n{at}"} for at, config in enumerate(CONFIGS)]
    load = {"mix": mix, "executor": "shared-iterations", "vus": 1, "iterations": 400, "workers": 1}
    steps: list[object] = [*({"request": config} for config in CONFIGS), {"load": load}]
    profile = {"version": 1, "name": "t", "scenarios": [{"id": "a", "steps": steps}]}
    with misbehaving.serving(record) as url:
        result = run_on(url, tmp_path, json.dumps(profile))
    assert result.scenarios[0].verdict is Verdict.PASSED, result.scenarios[0].reason
    by_request, by_load = heads[: len(CONFIGS)], heads[len(CONFIGS) :]
    assert {_sent(head) for head in by_request} == {_sent(head) for head in by_load}
    assert [head.split()[1] for head in by_request[: len(PATHS)]] == list(PATHS.values())
