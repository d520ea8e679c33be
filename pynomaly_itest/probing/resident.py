"""Resident memory and processor time of a target's processes, where they are ours to see."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

    from pynomaly_itest.probing.context import ProbeContext

_LOOK_EVERY_S = 0.02


def rss_mb(ctx: ProbeContext) -> float | None:
    """Resident memory of the target's process tree; None where it can't be seen."""
    found = _tree(ctx)
    return None if found is None else sum(map(_rss_bytes, found)) / 2**20


def cpu_s(ctx: ProbeContext) -> float | None:
    """Processor time that the target's processes took so far; None where it can't be seen."""
    found = _tree(ctx)
    return None if found is None else sum(map(_cpu_s, found))


def pids(ctx: ProbeContext) -> list[int]:
    """The target's processes; none where they can't be seen."""
    return [process.pid for process in _tree(ctx) or ()]


class Peak:
    """The highest memory of the target while the context lasts, looked at every few milliseconds."""

    def __init__(self, ctx: ProbeContext) -> None:
        self._ctx = ctx
        self._before_mb = rss_mb(ctx)
        self._highest_mb = self._before_mb
        self._task: asyncio.Task[None] | None = None

    @property
    def grown_mb(self) -> float | None:
        """How much more it was than before; None where it can't be seen."""
        if self._before_mb is None or self._highest_mb is None:
            return None
        return self._highest_mb - self._before_mb

    async def __aenter__(self) -> Peak:
        if self._before_mb is not None:
            self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._look()

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _look(self) -> None:
        self._highest_mb = max(self._highest_mb or 0.0, rss_mb(self._ctx) or 0.0)


def _tree(ctx: ProbeContext) -> list[psutil.Process] | None:
    import psutil

    pid = ctx.target.root_pid()
    if pid is None:
        return None
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return None


def _rss_bytes(process: psutil.Process) -> int:
    import psutil

    with contextlib.suppress(psutil.Error):  # a process may end while it is looked at
        return int(process.memory_info().rss)
    return 0


def _cpu_s(process: psutil.Process) -> float:
    import psutil

    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
