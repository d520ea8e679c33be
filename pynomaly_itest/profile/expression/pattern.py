"""Patterns for `matches` that end in bounded time: a profile can't hang the gate that reads it."""

from __future__ import annotations

import re
import warnings

LONGEST_PATTERN = 300
LONGEST_SUBJECT = 10_000
_MOST_REPEATS = 4
_REPEAT = re.compile(r"[*+]|\{\d*(?:,\d*)?\}")


def pattern_fault(pattern: object) -> str | None:
    """Why this can't be used as a pattern; None where it can.

    Refused is what makes backtracking explode: repeating a group that itself repeats or chooses, references
    back, and more than a few open repeats in one pattern.
    """
    if not isinstance(pattern, str):
        return "'matches' takes a pattern in quotes"
    if len(pattern) > LONGEST_PATTERN:
        return f"the pattern is longer than {LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as problem:
        return f"the pattern is wrong: {problem}"
    return _explosion(pattern)


def matches(subject: object, pattern: str) -> bool:
    """Whether the pattern is found in the text (anywhere, as `re.search`); what is no text matches nothing.

    Raises ValueError where the pattern is refused or the text too long to be searched in bounded time.
    """
    fault = pattern_fault(pattern)
    if fault is not None:
        raise ValueError(fault)
    if not isinstance(subject, str):
        return False
    if len(subject) > LONGEST_SUBJECT:
        raise ValueError(f"the text is longer than {LONGEST_SUBJECT} characters: it is not searched")
    return re.search(pattern, subject) is not None


def _explosion(pattern: str) -> str | None:
    """Walks the pattern with one flag a group: does it hold a repeat or a choice?"""
    plain = _without_classes(pattern)
    if re.search(r"\\[1-9]|\(\?P=", plain):
        return "the pattern refers back to a group: that can take for ever"
    groups = [False]
    repeats = 0
    position = 0
    while position < len(plain):
        character = plain[position]
        if character == "\\":
            position += 1
        elif character == "(":
            groups.append(False)
        elif character == "|":
            groups[-1] = True
        elif character == ")" and len(groups) > 1:
            inner = groups.pop()
            groups[-1] = groups[-1] or inner
            if inner and _REPEAT.match(plain, position + 1):
                return "the pattern repeats a group that repeats or chooses: that can take for ever"
        elif _REPEAT.match(plain, position):
            groups[-1] = True
            repeats += 1
        position += 1
    if repeats > _MOST_REPEATS:
        return f"the pattern has more than {_MOST_REPEATS} repeats: that can take for ever"
    return None


def _without_classes(pattern: str) -> str:
    """Every `[…]` as one plain letter: what stands inside neither repeats nor groups."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\[\^?\]?(?:\\.|[^\]\\])*\]", r"\1c", pattern, flags=re.DOTALL)
