"""Keeps a process small: glibc and Arrow each hold on to memory, per thread, unless told otherwise."""

from __future__ import annotations

import ctypes
import os
import sys

_M_ARENA_MAX = -8
_ARENAS = 2


def keep_small() -> None:
    """Call before threads start. Fewer malloc arenas cost a little contention and save tens of megabytes."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return to the system what a large piece of work has freed; a few milliseconds."""
    if sys.platform == "linux":
        malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if malloc_trim is not None:
            malloc_trim(0)
