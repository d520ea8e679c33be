"""How long the server says it took: RFC-less but widespread `Server-Timing: app;dur=12.3` (W3C)."""

from __future__ import annotations

import re

_FIELD = re.compile(rb"\r\nserver-timing:([^\r\n]{1,2000})", re.IGNORECASE)
_DURATION = re.compile(rb";\s*dur\s*=\s*\"?([0-9]{1,12}(?:\.[0-9]{1,9})?)", re.IGNORECASE)
_TOTALS = (b"total", b"app")


def server_ms(answer: bytes) -> float | None:
    """Milliseconds from the answer's head: the entry "total" or "app", else the longest; None without any."""
    head, _, _ = answer[:16384].partition(b"\r\n\r\n")
    field = _FIELD.search(head)
    if field is None:
        return None
    durations: dict[bytes, float] = {}
    for entry in field[1].split(b","):
        duration = _DURATION.search(entry)
        if duration is not None:
            durations[entry.split(b";")[0].strip().lower()] = float(duration[1])
    for name in _TOTALS:
        if name in durations:
            return durations[name]
    return max(durations.values(), default=None)
