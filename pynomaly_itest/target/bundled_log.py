"""What the bundled platform writes to its standard output and error."""

from __future__ import annotations

import os
from pathlib import Path

from pynomaly_itest.redaction import Redactor

_TAIL_BYTES = 64 * 1024


class PlatformLog:
    """The file that the platform writes its log to; it stays readable when its folder is gone.

    Read with pread, as the platform writes through the same file description: its place must not move.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.file = path.open("w+b")
        self._redactor = redactor

    def read(self) -> bytes:
        """All of it, as it was written: it may hold secrets."""
        return os.pread(self.file.fileno(), self._size(), 0)

    def last_lines(self, count: int) -> tuple[str, ...]:
        """The last `count` lines of its last 64 KiB, redacted."""
        tail = os.pread(self.file.fileno(), _TAIL_BYTES, max(0, self._size() - _TAIL_BYTES))
        lines = tail.decode(errors="replace").splitlines()
        return tuple(self._redactor.text(line) for line in lines[-count:])

    def close(self) -> None:
        self.file.close()

    def _size(self) -> int:
        return os.fstat(self.file.fileno()).st_size
