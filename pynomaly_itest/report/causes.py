"""When two failures say the same: one probe, or one kind of step with one sentence but for its numbers."""

from __future__ import annotations

import re

_NUMBERS = re.compile(
    r"\b(?:[A-Za-z]+_)?(?=[0-9a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b"  # an id that the target gave
    r"|[-+−]?\d(?:[\d,.]*\d)?(?:e[-+]?\d+)?",  # a number, also `1,000.5` and `1e-05`
    re.IGNORECASE,
)


def numberless(text: str | None) -> str:
    """The sentence with each number, and each id made of digits, replaced by `#`."""
    return _NUMBERS.sub("#", text or "")
