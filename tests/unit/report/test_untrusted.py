"""Nothing that a target sent may act on a terminal, a parser or a reader's eye."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.report.untrusted import clean, clip, finite, jsonable, one_line


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link", "link"),
        ("a\x00b\x07c\x7fd\x9be", "abcde"),
        ("name\u202egnp.exe", "namegnp.exe"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("\ufffe", "\ufffd"),
        ("grüße, 你好, 🙂", "grüße, 你好, 🙂"),
    ],
)
def test_clean(sent: str, shown: str) -> None:
    assert clean(sent) == shown


@given(st.text(alphabet=st.characters()))
def test_clean_text_is_encodable_and_stays_as_it_is(text: str) -> None:
    once = clean(text)
    once.encode()
    assert clean(once) == once
    assert not any(ord(char) < 32 and char not in "\n\t" for char in once)


def test_one_line_is_one_line_and_cut() -> None:
    assert one_line("a\n b\r\n\tc") == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_clip_says_how_much_is_missing() -> None:
    assert clip("short", 10) == "short"
    assert clip("x" * 1500, 300).endswith("1,200 more characters")


def test_jsonable_is_strict_json() -> None:
    value = {"nan": math.nan, "inf": [math.inf, -math.inf], 3: {"x"}, "deep": (1, b"raw"), "\x1b[1mk": True}
    text = json.dumps(jsonable(value), allow_nan=False)
    assert json.loads(text) == {
        "nan": "NaN",
        "inf": ["Infinity", "-Infinity"],
        "3": "{'x'}",
        "deep": [1, "b'raw'"],
        "k": True,
    }


def test_jsonable_ends_on_what_contains_itself() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert json.dumps(jsonable(loop), allow_nan=False)


@pytest.mark.parametrize("value", [None, True, "3", math.nan, math.inf, [1], 10**400])
def test_finite_refuses_what_is_no_finite_number(value: object) -> None:
    assert finite(value) is None


def test_finite_takes_numbers() -> None:
    assert finite(3) == 3.0
    assert finite(-0.5) == -0.5
