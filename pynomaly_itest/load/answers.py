"""What each body's answer must say, learnt from answers to that body alone, and compared cheaply under load.

The quick look searches the answer for the very bytes that the learnt fields were written with. Only where they
are not found is it parsed, and its numbers compared within 1e-9: so right answers cost a search, and wrong ones
are told apart: another body's answer is `swapped`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from pynomaly_itest.load.outcomes import Outcome

TOLERANCE = 1e-9
_MISSING = object()
_LITTLE = 0.01
"""What arithmetic of other precision or order makes of a number, at most; beyond, the answer is another one."""


class Unsteady(ValueError):
    """The same question, asked alone, was answered in two ways; the text says where they differ."""


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how much two numbers of equal answers may differ, whichever is more."""

    relative: float = TOLERANCE
    absolute: float = TOLERANCE


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields that an answer must have (top level of its JSON), or, without any, the `text` that it must be.

    snippets: how the fields were written, each with the character behind it, where they were always written so.
    picks: where the fields stand in the answer, as JMESPath by name, where they are not its top level.
    """

    fields: dict[str, Any] = {}
    text: str | None = None
    snippets: tuple[bytes, ...] = ()
    picks: dict[str, str] = {}
    tolerance: Tolerance = Tolerance()


_EXACT = Tolerance()


def learn(
    bodies: Sequence[bytes],
    wanted: Sequence[str] = (),
    picks: Mapping[str, str] | None = None,
    tolerance: Tolerance = _EXACT,
) -> Answer:
    """The answer that all of these bodies, replies to one question, give.

    picks: what counts, as JMESPath by name; without any, `wanted`.
    wanted: the fields that count; without any, all that are the same in every reply (identifiers and times of
    the reply itself are not). tolerance: how much numbers of equal replies may differ. Raises Unsteady where a wanted
    field, or all of the text, differs or is missing.
    """
    documents = [_parsed(body) for body in bodies]
    if picks:
        return _picked(bodies, documents, picks, tolerance)
    if not all(isinstance(document, dict) for document in documents):
        return _whole(bodies, documents, wanted, tolerance)
    first = documents[0]
    steady = [
        name
        for name in wanted or first
        if all(_same_field(name, first, each, tolerance) for each in documents)
    ]
    lost = [name for name in wanted if name not in steady]
    if lost or not steady:
        said = f"{' and '.join(lost) or 'every field'} is missing, or another each time"
        raise Unsteady(said + _near(documents, lost or first))
    fields = {name: first[name] for name in steady}
    return Answer(fields=fields, snippets=_snippets(bodies, steady), tolerance=tolerance)


def _whole(
    bodies: Sequence[bytes], documents: Sequence[Any], wanted: Sequence[str], tolerance: Tolerance
) -> Answer:
    """The answer that is no JSON object: a list by its numbers, anything else as text."""
    if wanted:
        raise Unsteady(f"the answer is no JSON object with {' and '.join(wanted)}")
    if all(isinstance(document, list) for document in documents):
        return _picked(bodies, documents, {"the list": "@"}, tolerance)
    if any(body != bodies[0] for body in bodies):
        raise Unsteady("the answer is no JSON object, and its text is another each time")
    return Answer(text=bodies[0].decode("utf-8", "replace"))


def _picked(
    bodies: Sequence[bytes], documents: Sequence[Any], picks: Mapping[str, str], tolerance: Tolerance
) -> Answer:
    """The answer by what the picks find; where replies are the same to the byte, the whole is looked for first."""
    found = [_at(document, picks) for document in documents]
    first = found[0]
    lost = [
        name
        for name in picks
        if first[name] is None or not all(same(first[name], each[name], tolerance) for each in found)
    ]
    if lost:
        raise Unsteady(f"{' and '.join(lost)}: missing, or another each time" + _near(found, lost))
    is_same = all(body == bodies[0] for body in bodies)
    snippets = (bytes(bodies[0]),) if is_same else ()
    return Answer(fields=first, snippets=snippets, picks=dict(picks), tolerance=tolerance)


def _near(documents: Sequence[Any], names: Iterable[str]) -> str:
    """How far apart the fields of these names are, where they differ by a little in numbers and in nothing else."""
    apart = 0.0
    for name in names:
        for each in documents[1:]:
            found = _distance(documents[0].get(name, _MISSING), each.get(name, _MISSING))
            if found is None:
                return ""
            apart = max(apart, found)
    if not 0 < apart <= _LITTLE:
        return ""
    offered = f"verify: {{tolerance: {{relative: {2 * apart:.0e}}}}}"
    return f": numbers differ by up to {apart:.1g} of their size, so say {offered}"


def _distance(one: Any, other: Any) -> float | None:
    """The largest relative difference of the numbers within two values; None where they differ in anything else."""
    match one, other:
        case (bool(), _) | (_, bool()):
            return 0.0 if one is other else None
        case (int() | float(), int() | float()):
            size = max(abs(one), abs(other))
            return abs(one - other) / size if size else 0.0
        case (list(), list()) if len(one) == len(other):
            inner = [_distance(mine, theirs) for mine, theirs in zip(one, other, strict=True)]
        case (dict(), dict()) if one.keys() == other.keys():
            inner = [_distance(value, other[name]) for name, value in one.items()]
        case _:
            return 0.0 if type(one) is type(other) and one == other else None
    known = [each for each in inner if each is not None]
    return max(known, default=0.0) if len(known) == len(inner) else None


def _at(document: Any, picks: Mapping[str, str]) -> dict[str, Any]:
    """What the picks find in a document."""
    if document is _MISSING:
        return dict.fromkeys(picks)
    return {name: search(expression, document) for name, expression in picks.items()}


@cache
def _compiled(expression: str) -> Any:
    import jmespath

    return jmespath.compile(expression)


def search(expression: str, document: Any) -> Any:
    """What JMESPath finds in a document; None where nothing stands there, or of another type than it takes."""
    from jmespath.exceptions import JMESPathError

    try:
        return _compiled(expression).search(document)
    except (JMESPathError, RecursionError):
        return None


def series_of(found: Any, count: int) -> list[Any] | None:
    """One value for each of `count` rows, as services write them: a list, a list of lists of one value each, a list
    within a list, a lone value for one row. None where they are not as many."""
    values = found if isinstance(found, list) else [found]
    if len(values) != count and len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    return values if found is not None and len(values) == count else None


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


def same(one: Any, other: Any, within: Tolerance = _EXACT) -> bool:
    """Whether two JSON values are equal, numbers that are not both whole within the tolerance."""
    match one, other:
        case (bool(), _) | (_, bool()):
            return one is other
        case (int(), int()):
            return bool(one == other)
        case (int() | float(), int() | float()):
            return math.isclose(one, other, rel_tol=within.relative, abs_tol=within.absolute)
        case (list(), list()):
            return len(one) == len(other) and all(
                same(mine, theirs, within) for mine, theirs in zip(one, other, strict=True)
            )
        case (dict(), dict()):
            return one.keys() == other.keys() and all(
                same(value, other[name], within) for name, value in one.items()
            )
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
    if answer.picks:
        return document is not _MISSING and same(_at(document, answer.picks), answer.fields, answer.tolerance)
    return isinstance(document, dict) and all(
        same(document.get(name, _MISSING), value, answer.tolerance) for name, value in answer.fields.items()
    )


def _same_field(name: str, one: dict[str, Any], other: dict[str, Any], within: Tolerance) -> bool:
    return name in one and name in other and same(one[name], other[name], within)


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
