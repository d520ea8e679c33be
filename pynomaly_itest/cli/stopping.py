"""Ctrl-C, SIGTERM and SIGHUP ask to stop: work is cancelled and ends well, a wait between two rounds just ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_stopped(work: Coroutine[Any, Any, object]) -> None:
    """Run `work` to its end; a signal cancels it, which it takes as a request to end, with what there is by then."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside one
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work

    asyncio.run(main())


class Stop:
    """While this is open, Ctrl-C, SIGTERM and SIGHUP ask to stop. A run puts handlers of its own in their place and
    takes them away again: `listen` afterwards."""

    def __init__(self) -> None:
        self._asked = False
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        self._earlier = {number: signal.getsignal(number) for number in _SIGNALS}
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def listen(self) -> None:
        """Take the signals (again)."""
        for number in _SIGNALS:
            signal.signal(number, self._stop)

    def wait(self, seconds: float) -> bool:
        """Wait so long; True as soon as it was asked to stop."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        earlier = signal.set_wakeup_fd(writing)  # written to whichever thread the system gives the signal to
        try:
            if not self._asked:
                select.select([reading], [], [], max(0.0, seconds))
        finally:
            signal.set_wakeup_fd(earlier)
            os.close(reading)
            os.close(writing)
        return self._asked

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
