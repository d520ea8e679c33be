"""One server per data folder: a second one would take the first one's running operations for a crash's leftovers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pynomaly.domain.errors import Misconfigured


class FolderLock:
    """Held from start to end by the server, and let go by the system if it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "server.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises Misconfigured if another server has the folder."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Misconfigured(
                "Another server is running on this data folder.", hint="Give each its own --data-dir."
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next one have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
