"""A cache in this process: least recently used goes first, bounded in bytes and in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cachetools import TTLCache

_ENTRY_OVERHEAD_BYTES = 200


class MemoryCache:
    """ResultCache in memory; safe for threads. An entry larger than an eighth of the whole is not kept."""

    def __init__(self, max_bytes: int, ttl_s: float, timer: Callable[[], float] = time.monotonic) -> None:
        self._max_entry_bytes = max_bytes // 8
        self._entries: TTLCache[str, bytes] = TTLCache(max_bytes, ttl_s, timer, _size)
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        with self._lock:
            return self._entries.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep a value for a while."""
        if _size(value) <= self._max_entry_bytes:
            with self._lock:
                self._entries[key] = value

    @property
    def size_bytes(self) -> int:
        """What the entries weigh."""
        return int(self._entries.currsize)


def _size(value: bytes) -> int:
    return len(value) + _ENTRY_OVERHEAD_BYTES
