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
    """Seconds of all cores since the machine started: busy (a wait for the disk is part of it), idle, and those of the
    busy ones spent by the target and by us, with all that waited for the disk: whose that was can't be told."""

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
        idle, waiting = ticks[3], ticks[4]
        return cls((sum(ticks) - idle) / per_s, idle / per_s, known_s + waiting / per_s)


@dataclass(frozen=True)
class Shares:
    """Of all cores over a time: what neighbours took, and what nobody did."""

    others: float
    idle: float

    @classmethod
    def between(cls, before: Usage | None, after: Usage | None) -> Shares | None:
        """None where nothing is known."""
        if before is None or after is None:
            return None
        busy_s, idle_s = after.busy_s - before.busy_s, after.idle_s - before.idle_s
        if not busy_s + idle_s > 0:
            return None
        others_s = busy_s - (after.known_s - before.known_s)
        return cls(max(0.0, others_s) / (busy_s + idle_s), idle_s / (busy_s + idle_s))

    @property
    def crowding(self) -> str | None:
        """Why what was measured meanwhile may be the neighbours' doing; None where they left room enough."""
        if self.others <= _MOST_TAKEN or self.idle >= _LEAST_IDLE:
            return None
        return (
            f"other processes took {self.others * 100:.0f} % of this machine meanwhile, {self.idle * 100:.0f} % "
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
