"""Whether an answer says what it should: a fast wrong answer is not a success."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from pynomaly_itest.load.answers import search, series_of
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.plan import Check

_MISSING = object()

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "length": lambda found, value: len(found) == value,
    "series": lambda found, value: series_of(found, value) is not None,
    "contains": lambda found, value: value in found,
    "matches": lambda found, value: re.search(value, found) is not None,
}


def outcome_of(body: bytes, checks: tuple[Check, ...]) -> Outcome | None:
    """BAD_BODY or WRONG_ANSWER where a check fails; None where all hold."""
    document: Any = _MISSING
    for check in checks:
        if not check.field and check.operator in ("contains", "matches"):
            if not _holds(check, body.decode("utf-8", "replace")):
                return Outcome.WRONG_ANSWER
            continue
        if document is _MISSING:
            try:
                document = json.loads(body)
            except (ValueError, RecursionError):
                return Outcome.BAD_BODY
        found = _at(document, check.field) if check.pick is None else search(check.pick, document)
        if found is _MISSING or not _holds(check, found):
            return Outcome.WRONG_ANSWER
    return None


def text_at(body: bytes, path: str) -> str:
    """The text (or number) at a path of a JSON body; empty where there is none."""
    try:
        found = _at(json.loads(body), path)
    except (ValueError, RecursionError):
        return ""
    return str(found) if isinstance(found, str | int) else ""


def _at(document: Any, path: str) -> Any:
    """The value at a dotted path; numbers index arrays."""
    for part in path.split(".") if path else ():
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _MISSING
    return document


def _holds(check: Check, found: Any) -> bool:
    if check.operator == "exists":
        return True
    try:
        return bool(_COMPARE[check.operator](found, check.value))
    except TypeError:  # a text where a number was expected: the answer is wrong, not the check
        return False
