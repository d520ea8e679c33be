"""Patterns for `matches` that end in bounded time: a profile can't hang the gate that reads it."""

from __future__ import annotations

import re
import warnings

LONGEST_PATTERN = 300
LONGEST_SUBJECTS = {0: 16_000_000, 1: 30_000}
"""How many characters are searched, by the open repeats of the pattern: without any the time grows linearly."""
LONGEST_SUBJECT = 10_000
"""With two repeats or more."""
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

    Raises ValueError where the pattern is refused, SubjectTooLong where the text can't be searched in bounded time.
    """
    fault = pattern_fault(pattern)
    if fault is not None:
        raise ValueError(fault)
    if not isinstance(subject, str):
        return False
    repeats = _repeats(pattern)
    longest = LONGEST_SUBJECTS.get(repeats, LONGEST_SUBJECT)
    if len(subject) > longest:
        raise SubjectTooLong(
            f"the text has {len(subject):,} characters: for a pattern with {repeats} open repeats (*, +, {{n,}}) "
            f"at most {longest:,} are searched; without repeats {LONGEST_SUBJECTS[0]:,} are"
        )
    return re.search(pattern, subject) is not None


class SubjectTooLong(ValueError):
    """The limit is ours: it says nothing of the text."""


def _repeats(pattern: str) -> int:
    """How many repeats a pattern has, escaped ones and those in classes left out."""
    plain = re.sub(r"\\.", "c", _without_classes(pattern), flags=re.DOTALL)
    return len(_REPEAT.findall(plain))


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
