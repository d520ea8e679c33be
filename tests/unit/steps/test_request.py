"""What a request sends, byte for byte."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pynomaly_itest.steps.request import Request, encoded


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
