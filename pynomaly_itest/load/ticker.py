"""The one clock that load is paced by: a timerfd on an absolute schedule.

It fires some 40 µs late at the median, where `asyncio.sleep` is 0.5 to 1 ms off and uvloop's may even be early.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Protocol

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_NS = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Readers(Protocol):
    """The part of an event loop that is needed here."""

    def add_reader(self, fd: int, callback: Callable[[], object], /) -> object: ...
    def remove_reader(self, fd: int, /) -> bool: ...


class Ticker:
    """Calls `on_tick` once, at the time last armed for, on CLOCK_MONOTONIC (`time.monotonic_ns`)."""

    def __init__(self, loop: Readers, on_tick: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._set = libc.timerfd_settime
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._spec = _Itimerspec()
        self._pointer = ctypes.byref(self._spec)
        self._on_tick = on_tick
        self._loop = loop
        loop.add_reader(self._fd, self._fired)

    def arm(self, at_ns: int) -> None:
        """Fire at `at_ns`; at once if that is past."""
        seconds, nanoseconds = divmod(max(at_ns, 1), _NS)
        self._spec.value.seconds = seconds
        self._spec.value.nanoseconds = nanoseconds
        self._set(self._fd, _TFD_TIMER_ABSTIME, self._pointer, None)

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _fired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # armed anew between firing and reading
            return
        self._on_tick()
