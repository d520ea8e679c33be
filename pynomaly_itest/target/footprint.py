"""What a process tree holds for itself: memory that only it has written, descriptors, threads."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

_OWN = re.compile(rb"^(?:Private_Dirty|Swap):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Footprint:
    """Private dirty memory (what is swapped out of it too) in bytes, open descriptors, threads."""

    private_bytes: int
    descriptors: int
    threads: int


def footprint(root_pid: int) -> Footprint | None:
    """Of a process and its descendants, now; None where the process is not there, or is not ours to look at."""
    try:
        root = psutil.Process(root_pid)
        tree = [root, *root.children(recursive=True)]
        memory = sum(_private_bytes(process.pid) for process in tree)
    except (psutil.Error, OSError):
        return None
    descriptors = threads = 0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            descriptors += process.num_fds()
            threads += process.num_threads()
    return Footprint(memory, descriptors, threads)


def _private_bytes(pid: int) -> int:
    """Pages shared with other processes, or with files, come and go without any leak: only the rest counts."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
        return 1024 * sum(int(found) for found in _OWN.findall(text))
    return 0
