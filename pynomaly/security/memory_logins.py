"""What is counted and remembered of logins, in memory."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from threading import RLock

from pynomaly.domain.accounts import AttemptReserved, Throttle


@dataclass(frozen=True, slots=True)
class _Attempts:
    failures: int
    first_at: float
    last_at: float
    locked_until: float = 0.0


class MemoryAttempts:
    """AttemptRepository."""

    def __init__(self) -> None:
        self._rows: dict[str, _Attempts] = {}
        self._lock = RLock()

    def reserve(self, subject: str, now: float, throttle: Throttle) -> AttemptReserved:
        with self._lock:
            past = self._rows.get(subject)
            if past is not None and now < past.locked_until:
                return AttemptReserved(False, past.failures, past.locked_until - now)
            if past is None or now - max(past.last_at, past.locked_until) >= throttle.max_s:
                past = _Attempts(0, now, now)
            failures = past.failures + 1
            delay_s = throttle.delay_s(failures)
            locked_until = now + delay_s if delay_s else 0.0
            self._rows[subject] = _Attempts(failures, past.first_at, now, locked_until)
            return AttemptReserved(True, failures)

    def peek(self, subject: str, now: float) -> AttemptReserved:
        with self._lock:
            past = self._rows.get(subject)
        if past is None or now >= past.locked_until:
            return AttemptReserved(True, past.failures if past else 0)
        return AttemptReserved(False, past.failures, past.locked_until - now)

    def clear(self, subject: str) -> None:
        with self._lock:
            self._rows.pop(subject, None)

    def clear_all(self, name: str) -> None:
        with self._lock:
            for subject in [own for own in self._rows if own.partition(":")[0] == name]:
                del self._rows[subject]

    def release(self, subject: str) -> None:
        with self._lock:
            past = self._rows.get(subject)
            if past is not None and past.failures:
                self._rows[subject] = replace(past, failures=past.failures - 1, locked_until=0.0)

    def prune(self, before: float) -> int:
        with self._lock:
            doomed = [
                subject for subject, row in self._rows.items() if max(row.last_at, row.locked_until) < before
            ]
            for subject in doomed:
                del self._rows[subject]
            return len(doomed)


class MemoryKnownSources:
    """KnownSourceRepository."""

    def __init__(self) -> None:
        self._last_at: dict[str, float] = {}

    def remember(self, subject: str, user_id: str, now: float) -> None:
        self._last_at[subject] = now

    def is_known(self, subject: str, since: float) -> bool:
        return self._last_at.get(subject, float("-inf")) >= since

    def prune(self, before: float) -> int:
        doomed = [subject for subject, last_at in self._last_at.items() if last_at < before]
        for subject in doomed:
            del self._last_at[subject]
        return len(doomed)


class MemoryOneTimeTokens:
    """OneTimeTokenRepository."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[bytes, float]] = {}
        self._lock = RLock()

    def put(self, purpose: str, digest: bytes, expires_at: float) -> None:
        with self._lock:
            self._rows[purpose] = (digest, expires_at)

    def take(self, purpose: str, digest: bytes, now: float) -> bool:
        with self._lock:
            kept, expires_at = self._rows.get(purpose, (b"", 0.0))
            if not hmac.compare_digest(kept, digest) or now >= expires_at:
                return False
            del self._rows[purpose]
            return True
