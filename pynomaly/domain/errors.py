"""Every way in which the platform says no, each with its HTTP status and problem type.

PynomalyError
├── InvalidInput 422            what was sent can't be used
│   ├── DimensionMismatch       the number of columns is not the one the model was fitted on
│   ├── NonFiniteValues         NaN or infinity where numbers are needed
│   ├── UnknownAlgorithm
│   ├── InvalidParameter
│   └── UnreadableDataset       the file is not what its format says
├── NotFound 404
├── Conflict 409
│   └── NotFitted               detection with a detector that was never trained
├── Unauthenticated 401
├── Forbidden 403
├── TooLarge 413
├── UnsupportedMedia 415
├── RateLimited 429
├── Overloaded 503
├── CorruptStore 500            what is on disk fails its checksum or manifest
└── Misconfigured 500           the service can't start safely with these settings
"""

from __future__ import annotations

from typing import ClassVar, TypeVar


class PynomalyError(Exception):
    """Root of the platform's own errors: `status` is the HTTP status, `code` the problem's stable name."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"

    def __init__(self, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.is_recorded = False
        """Whether this refusal is in the audit log already."""


Refusal = TypeVar("Refusal", bound=PynomalyError)


def recorded(refusal: Refusal) -> Refusal:
    """The refusal, marked as written into the audit log, so that it is written once."""
    refusal.is_recorded = True
    return refusal


class InvalidInput(PynomalyError):
    status, code = 422, "invalid-input"


class DimensionMismatch(InvalidInput):
    code = "dimension-mismatch"


class NonFiniteValues(InvalidInput):
    code = "non-finite-values"


class UnknownAlgorithm(InvalidInput):
    code = "unknown-algorithm"


class InvalidParameter(InvalidInput):
    code = "invalid-parameter"


class UnreadableDataset(InvalidInput):
    code = "unreadable-dataset"


class NotFound(PynomalyError):
    status, code = 404, "not-found"


class Conflict(PynomalyError):
    status, code = 409, "conflict"


class NotFitted(Conflict):
    code = "not-fitted"


class Unauthenticated(PynomalyError):
    status, code = 401, "unauthenticated"


class Forbidden(PynomalyError):
    status, code = 403, "forbidden"


class TooLarge(PynomalyError):
    status, code = 413, "too-large"


class UnsupportedMedia(PynomalyError):
    status, code = 415, "unsupported-media"


class RateLimited(PynomalyError):
    """Raised with `retry_after_s`, the whole seconds after which another try makes sense."""

    status, code = 429, "rate-limited"

    def __init__(self, detail: str, *, retry_after_s: int, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.retry_after_s = retry_after_s


class Overloaded(PynomalyError):
    """Raised with `retry_after_s`, the whole seconds after which another try makes sense."""

    status, code = 503, "overloaded"

    def __init__(self, detail: str, *, retry_after_s: int, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.retry_after_s = retry_after_s


class CorruptStore(PynomalyError):
    status, code = 500, "corrupt-store"


class Misconfigured(PynomalyError):
    """Raised at start only; names the setting, never its value."""

    status, code = 500, "misconfigured"
