"""Secrets are hidden by value, in every encoding they may travel in, and by the names that hold them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from pynomaly_itest.redaction import HIDDEN, Redactor, secrets_in

SECRET = 'p"ä/ss+word =1'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
    ],
)
def test_a_known_value_is_hidden_in_every_form(form: str) -> None:
    hidden = Redactor((SECRET,)).values(f"before {form} after")
    assert form.strip('"') not in hidden
    assert HIDDEN in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")


def test_values_keeps_encoded_json_readable() -> None:
    line = json.dumps({"reason": f"said {SECRET}!"})
    assert json.loads(Redactor((SECRET,)).values(line)) == {"reason": f"said {HIDDEN}!"}


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ('{"access_token": "abc.def"}', "abc.def"),
        ('{"user": {"Password":"hun\\"ter2"}}', "ter2"),
        ("username=a&password=hunter2&x=1", "hunter2"),
        ("--set vars.api_token=hunter2", "hunter2"),
        ("{'pin_secret': 'hun\\'ter2', 'n': 1}", "ter2"),
        ("redis://user:hunter2@127.0.0.1/0", "hunter2"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIi"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_unasked(text: str, gone: str) -> None:
    shown = Redactor().text(text)
    assert gone not in shown
    assert HIDDEN in shown


def test_harmless_text_stays_as_it_is() -> None:
    text = '{"token_type": "bearer", "rows": 3}'
    assert Redactor().text(text) == text


def test_secret_headers_are_blanked_and_others_kept() -> None:
    shown = Redactor().headers(
        {"Authorization": "Bearer x", "Set-Cookie": "s=1", "X-Secret-Token": "x", "Content-Type": "text/html"}
    )
    hidden = dict.fromkeys(("Authorization", "Set-Cookie", "X-Secret-Token"), HIDDEN)
    assert shown == {**hidden, "Content-Type": "text/html"}


def test_secrets_are_found_by_the_names_they_stand_under() -> None:
    values = {"rows": "many", "auth": {"api_token": "abc-1"}, "password": "def-2", "token_type": "bearer"}
    assert set(secrets_in(values)) == {"abc-1", "def-2"}


def test_repr_tells_no_secret() -> None:
    assert SECRET not in repr(Redactor((SECRET,)))


def test_values_too_short_to_be_secrets_do_not_blank_the_log() -> None:
    assert Redactor(("a",)).values("banana") == "banana"
