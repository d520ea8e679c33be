"""How much others wanted the machine meanwhile: the kernel's pressure stall information, which follows the noise."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

BUSY = 0.2
"""A machine is busy where somebody waited for a processor in so much of the time."""

_FILE = Path("/proc/pressure/cpu")


@dataclass(frozen=True)
class Pressure:
    """A moment: seconds since some start, and seconds in which somebody waited for a processor; None: not told."""

    at_s: float
    stalled_s: float | None

    @classmethod
    def now(cls) -> Pressure:
        stalled: float | None = None
        with contextlib.suppress(OSError, ValueError, StopIteration):
            line = next(line for line in _FILE.read_text().splitlines() if line.startswith("some"))
            stalled = int(line.rpartition("total=")[2]) / 1e6
        return cls(time.monotonic(), stalled)


def stalled_share(before: Pressure, after: Pressure) -> float | None:
    """The share of the time between two moments in which some process waited for a processor, 0 to 1."""
    if before.stalled_s is None or after.stalled_s is None or after.at_s <= before.at_s:
        return None
    return min(1.0, max(0.0, (after.stalled_s - before.stalled_s) / (after.at_s - before.at_s)))
