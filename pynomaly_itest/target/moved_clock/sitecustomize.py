"""Gives a Python process a wall clock that a file moves: what is in front of PYTHONPATH is imported before all else.

The file named by $ITEST_CLOCK_FILE holds seconds, as text; what `time` and `datetime` say of now is off by as much.
Monotonic clocks, and with them every wait and every time limit, stay right: that is what a clock set by hand is like.
A library in front of the C library (libfaketime) doesn't keep that promise: Python's threads then take ten times as
long to hand over to each other, and `time.sleep` fails. Standard library only, CPython only: it runs in the target's
process, which knows nothing of it. Native code that asks the kernel itself gets the machine's time.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "ITEST_CLOCK_FILE"
_BILLION = 1_000_000_000


def move(file: Path) -> None:
    """Put moved clocks in the place of this process's own; a file `….ready` beside `file` says that they are there."""
    now_ns = _moved(file)

    def now_s() -> float:
        return now_ns() / _BILLION

    _replace_in_time(now_ns, now_s)
    _replace_in_datetime(now_s)
    file.with_name(file.name + ".ready").touch()


def _moved(file: Path) -> Callable[[], int]:
    real_ns, offset_ns = time.time_ns, 0

    def now_ns() -> int:
        nonlocal offset_ns
        with contextlib.suppress(OSError, ValueError):  # out of descriptors, or its folder is gone: as before
            offset_ns = int(float(file.read_text()) * _BILLION)
        return real_ns() + offset_ns

    return now_ns


def _replace_in_time(now_ns: Callable[[], int], now_s: Callable[[], float]) -> None:
    """Every function of `time` that says what time it is, or takes it to be meant where it isn't told one."""
    gettime, gettime_ns, strftime = time.clock_gettime, time.clock_gettime_ns, time.strftime
    time.time, time.time_ns = now_s, now_ns
    time.clock_gettime = lambda clk_id: now_s() if clk_id == time.CLOCK_REALTIME else gettime(clk_id)
    time.clock_gettime_ns = lambda clk_id: now_ns() if clk_id == time.CLOCK_REALTIME else gettime_ns(clk_id)
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _of_now(getattr(time, name), now_s))
    time.strftime = lambda form, *when: strftime(form, *(when or (time.localtime(),)))


def _of_now(convert: Callable[[float], Any], now_s: Callable[[], float]) -> Callable[..., Any]:
    return lambda seconds=None: convert(now_s() if seconds is None else seconds)


def _replace_in_datetime(now_s: Callable[[], float]) -> None:
    """In the class itself, as libraries tell its instances and annotations by its identity."""

    def now(cls: Any, tz: datetime.tzinfo | None = None) -> Any:
        return cls.fromtimestamp(now_s(), tz)

    def utcnow(cls: Any) -> Any:
        return cls.fromtimestamp(now_s(), datetime.UTC).replace(tzinfo=None)

    def today(cls: Any) -> Any:
        return cls.fromtimestamp(now_s())

    for kind, methods in (
        (datetime.datetime, {"now": now, "utcnow": utcnow, "today": today}),
        (datetime.date, {"today": today}),
    ):
        attributes = gc.get_referents(kind.__dict__)[0]  # behind the read-only view of a built-in class
        attributes.update({name: classmethod(method) for name, method in methods.items()})
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


if VARIABLE in os.environ:
    move(Path(os.environ[VARIABLE]))
