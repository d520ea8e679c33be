"""The one writer of requests: HTTP/1.1 in bytes, the same for `request`, `load`, comparisons and probes.

The path is sent byte for byte as it is given: no dot segment is removed, no slash merged, no host looked for in it.
Characters that a URI can't hold are percent-encoded as UTF-8 (RFC 3986, 2.1; RFC 3987, 3.1); what has no form on the
wire at all is a problem that `problem_with` names, before the run where it is known then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from pynomaly_itest.errors import CannotMeasure

Fields = Sequence[tuple[str, str]]

USER_AGENT = "pynomaly-itest"
RUN_FIELD = "X-Pynomaly-Itest-Run"
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_AS_IT_IS = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # RFC 3986: unreserved,
    b"-._~!$&'()*+,;=:@/?%"  # sub-delims, ":" and "@" (pchar), "/", "?" (query), and "%": whoever writes it encodes
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_VALUE = re.compile(r"[^\t\x20-\x7e]")
_OURS = {
    "content-length": "the tool writes it, as the body is long",
    "transfer-encoding": "the tool writes it, where a body's length is not known",
}


def is_idempotent(method: str) -> bool:
    """Whether a request may be sent again where it is not known if it was carried out (RFC 9110, 9.2.2)."""
    return method.upper() in _IDEMPOTENT


def problem_with_path(path: str) -> str | None:
    """Why `path` (with its query) can't be sent; None where it can."""
    if not path.startswith("/"):
        return "a path begins with /"
    if "#" in path:
        return "a fragment (#…) is never sent; write %23 where the character itself is meant"
    if found := _CONTROL.search(path):
        return f"the path holds a control character ({found.group()!r})"
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in path):
        return "the path holds half a surrogate pair, which has no bytes"
    return None


def problem_with_field(name: str, value: str) -> str | None:
    """Why a header field can't be sent; None where it can."""
    if not _TOKEN.fullmatch(name):
        return f"{name!r} is no header name"
    if why := _OURS.get(name.lower()):
        return f"header {name}: {why}"
    if found := _BAD_VALUE.search(value):
        what = "a control character" if _CONTROL.match(found.group()) else "a character beyond ASCII"
        return f"header {name} holds {what} ({found.group()!a})"
    return None


def problem_with_fields(names: Iterable[str]) -> str | None:
    """Why these header names can't stand together; None where they can."""
    seen: dict[str, str] = {}
    for name in names:
        if (before := seen.setdefault(name.lower(), name)) != name:
            return f"{before!r} and {name!r} are one header: their case does not count"
    return None


def problem_with(method: str, path: str, fields: Fields) -> str | None:
    """The first reason why this can't be sent; None where it can."""
    if not _TOKEN.fullmatch(method):
        return f"{method!r} is no method"
    problems = (problem_with_field(name, value) for name, value in fields)
    return problem_with_path(path) or next((each for each in problems if each), None)


def request_target(path: str) -> bytes:
    """The request target of a path and its query, as it goes over the wire; raises CannotMeasure for what can't."""
    if problem := problem_with_path(path):
        raise CannotMeasure(f"the request can't be sent: {problem}")
    if path.isascii() and _AS_IT_IS.issuperset(path.encode()):
        return path.encode()
    return b"".join(
        bytes((byte,)) if byte in _AS_IT_IS else b"%%%02X" % byte for byte in path.encode("utf-8")
    )


def head_bytes(method: str, target: bytes, authority: str, fields: Fields, length: int | None) -> bytes:
    """A request's head. Fields that are given take precedence over the tool's own Host, User-Agent and Accept.

    length: of the body; None: not known, so that it goes in chunks. Raises CannotMeasure for what can't be sent.
    """
    given = {name.lower() for name, _ in fields}
    lines = [b"%s %s HTTP/1.1" % (method.encode("ascii"), target)]
    own = (("Host", authority), ("User-Agent", USER_AGENT), ("Accept", "*/*"))
    all_fields = (*(each for each in own if each[0].lower() not in given), *fields)
    for name, value in sorted(all_fields, key=_after_host):
        if name.lower() in _OURS:
            continue
        if problem := problem_with_field(name, value):
            raise CannotMeasure(f"the request can't be sent: {problem}")
        lines.append(f"{name}: {value.strip()}".encode("ascii"))
    if length is None:
        lines.append(b"Transfer-Encoding: chunked")
    elif length or method in _WITH_BODY:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join([*lines, b"", b""])


def _after_host(field: tuple[str, str]) -> bool:
    """Host goes first (RFC 9110, 7.2); all others stay in their order."""
    return field[0].lower() != "host"


def request_bytes(authority: str, prefix: str, method: str, path: str, fields: Fields, body: bytes) -> bytes:
    """A whole request; `prefix`: what the target's URL has before every path."""
    target = request_target(prefix.rstrip("/") + path)
    return head_bytes(method.upper(), target, authority, fields, len(body)) + body


def merged(defaults: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Header fields with `given` over `defaults`, whatever the case of their names."""
    names = {name.lower() for name in given}
    return {**{name: value for name, value in defaults.items() if name.lower() not in names}, **given}


def json_bytes(value: Any) -> bytes:
    """A JSON body; raises CannotMeasure for what JSON has no form for (NaN, half a surrogate pair)."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (ValueError, TypeError, RecursionError) as problem:
        raise CannotMeasure(f"the body has no form in JSON: {problem}") from problem


def form_bytes(values: Mapping[str, str]) -> bytes:
    """A body of application/x-www-form-urlencoded; half a surrogate pair becomes a question mark."""
    return urlencode(
        {name.encode("utf-8", "replace"): value.encode("utf-8", "replace") for name, value in values.items()}
    ).encode()
