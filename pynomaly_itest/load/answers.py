"""What each body's answer must say, learnt from answers to that body alone, and compared cheaply under load.

The quick look searches the answer for the very bytes that the learnt fields were written with. Only where they
are not found is it parsed, and its numbers compared within 1e-9: so right answers cost a search, and wrong ones
are told apart: another body's answer is `swapped`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pynomaly_itest.load.outcomes import Outcome

TOLERANCE = 1e-9
_MISSING = object()


class Unsteady(ValueError):
    """The same question, asked alone, was answered in two ways; the text says where they differ."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields that an answer must have (top level of its JSON), or, without any, the `text` that it must be.

    snippets: how the fields were written, each with the character behind it, where they were always written so.
    """

    fields: dict[str, Any] = {}
    text: str | None = None
    snippets: tuple[bytes, ...] = ()


def learn(bodies: Sequence[bytes], wanted: Sequence[str] = ()) -> Answer:
    """The answer that all of these bodies, replies to one question, give.

    wanted: the fields that count; without any, all that are the same in every reply (identifiers and times of
    the reply itself are not). Raises Unsteady where a wanted field, or all of the text, differs or is missing.
    """
    documents = [_parsed(body) for body in bodies]
    if not all(isinstance(document, dict) for document in documents):
        if wanted:
            raise Unsteady(f"the answer is no JSON object with {' and '.join(wanted)}")
        if any(body != bodies[0] for body in bodies):
            raise Unsteady("the answer is no JSON object, and its text is another each time")
        return Answer(text=bodies[0].decode("utf-8", "replace"))
    first = documents[0]
    steady = [name for name in wanted or first if all(_same_field(name, first, each) for each in documents)]
    lost = [name for name in wanted if name not in steady]
    if lost or not steady:
        raise Unsteady(f"{' and '.join(lost) or 'every field'} is missing, or another each time")
    fields = {name: first[name] for name in steady}
    return Answer(fields=fields, snippets=_snippets(bodies, steady))


def judge(body: bytes, own: Answer, known: Sequence[Answer]) -> Outcome | None:
    """None where the answer is right; SWAPPED where it is one of the other `known` answers; else WRONG_ANSWER."""
    if own.snippets and all(snippet in body for snippet in own.snippets):
        return None
    document = _parsed(body)
    if _agrees(body, document, own):
        return None
    if document is _MISSING and own.text is None:
        return Outcome.BAD_BODY
    swapped = any(_agrees(body, document, other) for other in known if other is not own)
    return Outcome.SWAPPED if swapped else Outcome.WRONG_ANSWER


def distinct(answers: Sequence[Answer]) -> int:
    """How many of the answers can be told apart: with fewer than two, swapped replies can't be seen."""
    kinds: list[Answer] = []
    for answer in answers:
        if not any(same(answer.fields, kind.fields) and answer.text == kind.text for kind in kinds):
            kinds.append(answer)
        if len(kinds) > 1:
            break
    return len(kinds)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, numbers that are not both whole within 1e-9 (relative above 1)."""
    match one, other:
        case (bool(), _) | (_, bool()):
            return one is other
        case (int(), int()):
            return bool(one == other)
        case (int() | float(), int() | float()):
            return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        case (list(), list()):
            return len(one) == len(other) and all(map(same, one, other))
        case (dict(), dict()):
            return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
        case _:
            return type(one) is type(other) and bool(one == other)


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _MISSING


def _agrees(body: bytes, document: Any, answer: Answer) -> bool:
    if answer.text is not None:
        return body.decode("utf-8", "replace") == answer.text
    return isinstance(document, dict) and all(
        same(document.get(name, _MISSING), value) for name, value in answer.fields.items()
    )


def _same_field(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    return name in one and name in other and same(one[name], other[name])


def _snippets(bodies: Sequence[bytes], names: Sequence[str]) -> tuple[bytes, ...]:
    """The bytes of each field; none at all where one is not always written in the same way, and but once."""
    found = []
    for name in names:
        written = {_written(body, name) for body in bodies}
        snippet = written.pop()
        if written or snippet is None or any(body.count(snippet) != 1 for body in bodies):
            return ()
        found.append(snippet)
    return tuple(found)


def _written(body: bytes, name: str) -> bytes | None:
    """How a field is written in a body, with the character behind it, which ends a number."""
    text = body.decode("utf-8", "replace")
    starts = list(re.finditer(re.escape(json.dumps(name)) + r"\s*:\s*", text))
    if len(starts) != 1:
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(text, starts[0].end())
    except ValueError:
        return None
    return text[starts[0].start() : end + 1].encode()
