"""What a target sent is untrusted: no control character of it may reach a terminal, a parser or a browser."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, overload

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

# Terminal sequences go as a whole, so that no "[31m" is left behind.
_TERMINAL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# C0 but tab and newline, DEL, C1, and what reorders the text that a reader sees (bidirectional overrides).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Neither XML nor UTF-8 can carry these.
_UNENCODABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
_DEEPEST = 12
_LONGEST_PARAGRAPH = 2_000
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def clean(text: str) -> str:
    """The text without terminal sequences and control characters; newlines are \\n, tabs stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", _TERMINAL_SEQUENCE.sub("", text))
    return _UNENCODABLE.sub("\ufffd", text)


def one_line(text: str, longest: int = 400) -> str:
    """The text on one line, cut to `longest` characters with an ellipsis."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def clip(text: str, longest: int) -> str:
    """The text cut to about `longest` characters, saying how many are missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n… {len(text) - longest:,} more characters"


@overload
def paragraph(text: str) -> str: ...
@overload
def paragraph(text: None) -> None: ...
def paragraph(text: str | None) -> str | None:
    """Text of several lines, where there is some, cut to what a reader reads."""
    return None if text is None else clip(clean(text), _LONGEST_PARAGRAPH)


def jsonable(value: object, depth: int = 0) -> JsonValue:
    """The value as strict JSON: texts cleaned, NaN and infinities as words, what JSON lacks as text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _NOT_FINITE[str(value)]
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {clean(str(key)): jsonable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and depth < _DEEPEST:
        return [jsonable(item, depth + 1) for item in value]
    return clean(str(value))


def finite(value: object) -> float | None:
    """The value as a finite number, or None where it is none (a truth value is none either)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def ends(interval: tuple[float | None, float | None] | None) -> tuple[float | None, float | None] | None:
    """An interval, where there is one; an end that is no finite number is None."""
    return None if interval is None else (finite(interval[0]), finite(interval[1]))
