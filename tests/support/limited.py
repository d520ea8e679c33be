"""Starts the servers of `benchmarks/limited_servers.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limited:
    url: str
    pid: int


@contextmanager
def limited(mode: str, *options: str) -> Iterator[Limited]:
    """A server of this mode while the block runs."""
    script = Path(__file__).parents[2] / "benchmarks" / "limited_servers.py"
    with subprocess.Popen(
        [sys.executable, str(script), mode, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Limited(f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid)
        process.stdin.close()
