"""The five verdicts, apart from everything that is concluded from them."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """failed: the target misbehaved. error: we could not measure. inconclusive: not enough evidence."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    SKIPPED = "skipped"
