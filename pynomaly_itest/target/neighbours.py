"""How much of this machine others took while something was measured on it: neither the target's processes nor ours."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_STAT = Path("/proc/stat")
_MOST_TAKEN = 0.15
_LEAST_IDLE = 0.25
"""Shares of all cores: neighbours who take less, or leave that much, make nobody wait for long."""


@dataclass(frozen=True)
class Usage:
    """Seconds of all cores since the machine started: busy, idle, and those spent by the target and by us."""

    busy_s: float
    idle_s: float
    known_s: float

    @classmethod
    def now(cls, root_pid: int | None) -> Usage | None:
        """Of this moment; None where the system, or whose the target's processes are, can't be told."""
        if root_pid is None:
            return None
        try:
            line = _STAT.read_text(encoding="ascii").splitlines()[0]
            known_s = sum(os.times()[:4]) + _tree_s(root_pid)
        except (OSError, psutil.Error):
            return None
        return cls.read(line, known_s)

    @classmethod
    def read(cls, line: str, known_s: float) -> Usage:
        """From the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, in clock ticks."""
        ticks = [int(word) for word in line.split()[1:9]]
        per_s = os.sysconf("SC_CLK_TCK")
        idle = ticks[3] + ticks[4]
        return cls((sum(ticks) - idle) / per_s, idle / per_s, known_s)


def crowding(before: Usage | None, after: Usage | None) -> str | None:
    """Why what was measured in between may be the neighbours' doing; None where they left room enough."""
    if before is None or after is None:
        return None
    busy_s, idle_s = after.busy_s - before.busy_s, after.idle_s - before.idle_s
    whole_s = busy_s + idle_s
    if not whole_s > 0:
        return None
    taken = (busy_s - (after.known_s - before.known_s)) / whole_s
    if taken <= _MOST_TAKEN or idle_s / whole_s >= _LEAST_IDLE:
        return None
    return (
        f"other processes took {taken * 100:.0f} % of this machine meanwhile, {idle_s / whole_s * 100:.0f} % "
        "were idle: measure again when it is quieter"
    )


def _tree_s(root_pid: int) -> float:
    """Processor time of a process tree, that of its ended and awaited children included."""
    root = psutil.Process(root_pid)
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total
