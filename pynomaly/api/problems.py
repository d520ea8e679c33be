"""Errors as problem+json (RFC 9457): what was wrong, never how we are built."""

from __future__ import annotations

import errno
from http import HTTPStatus

import msgspec
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pynomaly.api.schemas import Problem
from pynomaly.domain.errors import InvalidInput, Overloaded, PynomalyError


class MalformedBody(PynomalyError):
    """The body is not what its Content-Type says."""

    status, code = 400, "malformed-body"


class MethodNotAllowed(PynomalyError):
    """The path exists, the method doesn't; `allow` lists those that do."""

    status, code = 405, "method-not-allowed"

    def __init__(self, allow: str) -> None:
        super().__init__("This path does not take that method.", hint=f"It takes {allow}.")
        self.allow = allow


class StorageFull(PynomalyError):
    """The disk has no room left."""

    status, code = 507, "storage-full"


class InternalError(PynomalyError):
    """A bug of ours; the log has it under the request's id."""


def as_platform_error(error: Exception) -> PynomalyError:
    """Any exception as one of ours; what we don't know of is an InternalError that tells nothing."""
    match error:
        case PynomalyError():
            return error
        case OSError(errno=errno.ENOSPC) | OSError(errno=errno.EDQUOT):
            return StorageFull("There is no room left to store this.")
        case OSError(errno=errno.EMFILE) | OSError(errno=errno.ENFILE) | MemoryError():
            return Overloaded("The server has more to do than it has room for.", retry_after_s=5)
        case OperationalError() if "full" in str(error.orig):
            return StorageFull("There is no room left to store this.")
        case OperationalError() | PoolTimeout():
            return Overloaded("The database does not answer.", retry_after_s=5)
        case RecursionError():
            return InvalidInput("The body is nested too deeply.")
        case _:
            return InternalError("Something went wrong on our side.")


def problem_body(error: PynomalyError, path: str, request_id: str) -> bytes:
    """The error as a problem document. Errors of the server's own say no more than that."""
    detail = (
        error.detail
        if error.status < 500 or error.status in (503, 507)
        else "Something went wrong on our side."
    )
    return msgspec.json.encode(
        Problem(
            type=f"urn:pynomaly:problem:{error.code}",
            title=HTTPStatus(error.status).phrase,
            status=error.status,
            detail=detail,
            instance=path[:500],
            code=error.code,
            request_id=request_id,
            hint=error.hint if error.hint and error.status < 500 else msgspec.UNSET,
        )
    )


def problem_headers(error: PynomalyError) -> list[tuple[bytes, bytes]]:
    """Headers that go with some errors."""
    headers = [(b"content-type", b"application/problem+json")]
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, int(retry_after_s))).encode()))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="pynomaly"'))
    return headers
