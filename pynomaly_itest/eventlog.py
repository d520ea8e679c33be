"""Writes events as they happen, redacted, one line each; and tells whoever listens (the terminal, tests)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from pynomaly_itest.errors import EvidenceLost
from pynomaly_itest.events import encode, with_texts
from pynomaly_itest.provenance import signature_for
from pynomaly_itest.redaction import Redactor


class Listener(Protocol):
    """Hears of every event as it was written, without secrets, and of progress that is not worth writing."""

    def heard(self, event: Any) -> None: ...

    def progress(self, scenario: str, text: str) -> None: ...


class EventLog:
    """The append-only log of one run. Opened before the run, so that a folder that can't be written ends it early.

    `clock` is monotonic, in seconds; the log's own time starts at 0 when it is opened.
    """

    def __init__(
        self,
        path: Path,
        redactor: Redactor,
        *,
        listeners: tuple[Listener, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._redactor = redactor
        self._listeners = listeners
        self._clock = clock
        self._signature = signature_for(path)
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as problem:
            raise EvidenceLost(f"can't write {path}: {problem.strerror}") from problem
        _hold(self._file.fileno())
        self._start = clock()

    def now_s(self) -> float:
        """Seconds since the run started."""
        return self._clock() - self._start

    def record(self, kind: type[BaseModel], /, **fields: Any) -> None:
        """Write one event of `kind`, now. Raises EvidenceLost where it can't be written: a run without evidence
        must not go on as if it had some."""
        self._write(kind(at_s=round(self.now_s(), 6), **fields))

    def _write(self, event: BaseModel) -> None:
        line = encode(event)
        if self._redactor.values(line.decode()) != line.decode():
            # in the texts only: a secret that is a word of the log itself must not make it unreadable
            event = with_texts(event, self._redactor.values)
            line = encode(event)
        self._sign(line)
        try:
            written = self._file.write(line)
            if written is not None and written < len(line):  # a disk that fills up takes a part of it
                raise OSError(28, "No space left on device")
        except OSError as problem:
            raise EvidenceLost(
                f"the event log {self._path} could not be written: {problem.strerror}",
                hint="what was measured up to here is in it; make room and run again",
            ) from problem
        for listener in self._listeners:
            with contextlib.suppress(OSError):  # a screen that is gone must not end the run
                listener.heard(event)

    def _sign(self, line: bytes) -> None:
        """A signature that can't be written is none: the run goes on, and is somebody else's later."""
        if self._signature is not None:
            try:
                self._signature.grows_by(line)
            except OSError:
                self._signature.close()
                self._signature = None

    def without_secrets(self, text: str) -> str:
        """The text without what looks like a secret: for what a target said, and is more than a name."""
        return self._redactor.text(text)

    def carry(self, event: BaseModel) -> None:
        """Write an event of an earlier run as it was, with its own time."""
        self._write(event)

    def progress(self, scenario: str, text: str) -> None:
        """Tell the listeners how far a step is; nothing is written."""
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.progress(scenario, self._redactor.values(text))

    def close(self) -> None:
        self._file.close()
        if self._signature is not None:
            self._signature.close()
            self._signature = None


def is_being_written(path: Path) -> bool:
    """Whether a process is still at this log: its lock goes when it goes, in whatever way. Raises OSError."""
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False  # a file system without locks: it can't be told
    return False


def _hold(descriptor: int) -> None:
    """A shared lock for as long as the log is open, for others to see that it is; where locks are not, without."""
    with contextlib.suppress(OSError, ImportError):
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
