"""What a request sends, byte for byte."""

from __future__ import annotations

from pathlib import Path

import misbehaving
import pytest
from on_a_url import run_on
from pydantic import ValidationError

from pynomaly_itest.steps.request import Request, encoded, text_of


@pytest.mark.parametrize(
    ("body", "encoding", "sent"),
    [
        ("é", "utf-8", b"\xc3\xa9"),
        ("é\xff", "latin-1", b"\xe9\xff"),
        ("\ud800", "utf-8", b"?"),
        ("€", "latin-1", b"?"),
    ],
)
def test_a_body_is_sent_in_its_encoding(body: str, encoding: str, sent: bytes) -> None:
    assert encoded(body, encoding) == sent


def test_an_encoding_without_a_body_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="`encoding` is that of `body`"):
        Request(path="/", encoding="latin-1")
    with pytest.raises(ValidationError, match="one body"):
        Request.model_validate({"path": "/", "body": "x", "form": {}})
    assert Request(path="/", body="é", encoding="latin-1").encoding == "latin-1"


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"\xe9", "text/plain; charset=ISO-8859-1", "\xe9"),
        (b"\xe9", 'text/plain; charset="latin-1"', "\xe9"),
        (b"\x80", "text/html; a=b; Charset=windows-1252", "\u20ac"),
        (b"\xc3\xa9", "text/plain", "\xe9"),
        (b"\xc3\xa9", "", "\xe9"),
        (b"\xe9", "text/plain; charset=utf-8", "\ufffd"),
        (b"\xc3\xa9", "text/plain; charset=klingon", "\xe9"),
        (b"6161", "text/plain; charset=hex", "6161"),
        (b"x", "text/plain; charset=\x00;;=", "x"),
    ],
)
def test_text_is_read_in_the_charset_that_the_answer_states(
    body: bytes, content_type: str, text: str
) -> None:
    assert text_of(body, content_type) == text


def test_a_redirect_is_no_success_in_any_step(tmp_path: Path) -> None:
    def to_login(_: str, connection: misbehaving.Connection) -> None:
        connection.answer(302, "", Location="/login")

    load = "executor: shared-iterations, vus: 1, iterations: 5, workers: 1"
    steps = {
        "request": "request: {path: /x}",
        "measure": "measure: {step: {request: {path: /x}}, repeat: 3, warmup: 0}",
        "load": f"load: {{request: {{path: /x}}, {load}}}",
        "asked": "request: {path: /x, status: 302}",
        "asked-measure": "measure: {step: {request: {path: /x, status: 302}}, repeat: 3, warmup: 0}",
        "asked-load": f"load: {{request: {{path: /x, status: 302}}, {load}}}",
    }
    gates = {"measure": "r.count == 3", "load": "r.failures == 0"}
    profile = "version: 1\nname: t\nscenarios:\n" + "".join(
        f"  - id: {name}\n    steps:\n      - {step}\n        save: r\n"
        f"    gates: [{gates.get(name.removeprefix('asked-'), 'r.size_bytes == 0')}]\n"
        for name, step in steps.items()
    )
    with misbehaving.serving(to_login) as url:
        result = run_on(url, tmp_path, profile)
    verdicts = {each.id: str(each.verdict) for each in result.scenarios}
    assert [verdicts[name] for name in ("request", "measure", "load")] == ["failed"] * 3
    assert [verdicts[name] for name in ("asked", "asked-measure", "asked-load")] == ["passed"] * 3
