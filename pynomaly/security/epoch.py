"""How every process learns at once that cached proofs of identity may be stale: one counter, read in a memory
access.

Whoever ends a session, changes a role or revokes a key stores the change first and then advances the counter.
Readers stamp what they cache with the value read *before* they asked the store, and trust it only while the
counter still shows that value. Between hosts, which share no memory, `session_cache_s` is the bound.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol

_COUNTER = struct.Struct("=Q")


class Epoch(Protocol):
    """A number that only grows."""

    def current(self) -> int: ...

    def advance(self) -> None: ...


class LocalEpoch:
    """For one process."""

    def __init__(self) -> None:
        self._value = 0
        self._lock = Lock()

    def current(self) -> int:
        """The present value."""
        return self._value

    def advance(self) -> None:
        """Makes whatever is cached anywhere in the process stale."""
        with self._lock:
            self._value += 1


class SharedEpoch:
    """For all processes of a host that open the same file; the file is a mapped 8-byte counter."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with _locked(self._file):
            if os.fstat(self._file).st_size < _COUNTER.size:
                os.ftruncate(self._file, _COUNTER.size)
        self._map = mmap.mmap(self._file, _COUNTER.size)
        self._counter = memoryview(self._map).cast("Q")
        self._lock = Lock()

    def current(self) -> int:
        """The present value: one aligned load from shared memory."""
        return self._counter[0]

    def advance(self) -> None:
        """Makes whatever is cached in any of the processes stale; no two calls count as one."""
        with self._lock, _locked(self._file):
            self._counter[0] += 1

    def close(self) -> None:
        """Unmaps the counter."""
        self._counter.release()
        self._map.close()
        os.close(self._file)


@contextmanager
def _locked(file: int) -> Iterator[None]:
    """An exclusive lock between processes on an open file."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
