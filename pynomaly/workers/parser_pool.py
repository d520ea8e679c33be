"""Parsing processes: one warm from the start, more while there is need, replaced when they end or grow.

One thread starts all of them, since a process ends with the thread that started it, and requests come and go in others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pynomaly.domain.datasets import Block
from pynomaly.domain.errors import Overloaded
from pynomaly.domain.limits import DataLimits
from pynomaly.workers.launching import launch
from pynomaly.workers.parser_messages import Limits
from pynomaly.workers.parser_process import ParsedRows, ParserProcess

logger = logging.getLogger(__name__)

_MODULE = "pynomaly.workers.parser"
_MOST_REQUESTS = 10_000
_MOST_GROWTH_BYTES = 64 << 20
_IDLE_S = 30.0
_LOOK_EVERY_S = 2.0
_LONGEST_PAUSE_S = 60.0
_CPU_S_PER_MIB = 1.0
_RETRY_AFTER_S = 2
_LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """Processes at most, and for each request: memory beyond the process's own, and processor time.

    `cpu_s` is for a small request; a larger one gets a second more for each MiB.
    """

    n_processes: int
    memory_bytes: int
    cpu_s: float

    def cpu_s_for(self, n_bytes: int) -> float:
        """For content of that size."""
        return self.cpu_s + _CPU_S_PER_MIB * n_bytes / 2**20


class ParserPool:
    """Lends parsing processes to requests. Uploads, which take long, leave one of several to everything else."""

    def __init__(
        self,
        limits: ParsingLimits,
        start_process: Callable[[int], ParserProcess] | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._start_process = start_process or _launched
        self._clock_s = clock_s
        self._idle: list[tuple[ParserProcess, float]] = []
        self._n_alive = 0
        self._n_uploads = 0
        self._n_waiting = 0
        self._is_closing = False
        self._changed = threading.Condition()
        self._keeper = threading.Thread(target=self._keep, name="parsers", daemon=True)

    def start(self) -> None:
        """Begin to start the first process."""
        self._keeper.start()

    def check(self) -> str:
        """For readiness: 'ok' as long as a process is alive."""
        with self._changed:
            is_alive = self._n_alive > 0
        return "ok" if is_alive else "no parsing process is alive"

    @contextmanager
    def rows(
        self, file: BinaryIO, size_bytes: int, file_format: str, limits: DataLimits
    ) -> Iterator[ParsedRows]:
        """The rows of an uploaded file; raises Overloaded where no process is free for long."""
        asked = Limits(limits, self._limits.cpu_s_for(size_bytes))
        with (
            self._borrowed(is_upload=True) as process,
            process.rows(file, size_bytes, file_format, asked) as source,
        ):
            yield source

    def read_body(self, content: bytes, limits: DataLimits) -> Block:
        """The rows of a request's body, an Arrow stream."""
        with self._borrowed(is_upload=False) as process:
            return process.read_body(content, Limits(limits, self._limits.cpu_s_for(len(content))))

    def close(self) -> None:
        """End all processes; those that are lent end with their requests, or with the server."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._keeper.ident is not None:
            self._keeper.join(10)

    @contextmanager
    def _borrowed(self, *, is_upload: bool) -> Iterator[ParserProcess]:
        process = self._take(is_upload=is_upload)
        try:
            yield process
        finally:
            self._give_back(process, is_upload=is_upload)

    def _take(self, *, is_upload: bool) -> ParserProcess:
        with self._changed:
            self._n_waiting += 1
            if not self._idle:
                self._changed.notify_all()
            try:
                is_there = self._changed.wait_for(
                    lambda: self._may_take(is_upload=is_upload), _LONGEST_WAIT_S
                )
            finally:
                self._n_waiting -= 1
            if self._is_closing:
                raise Overloaded("The server is shutting down.", retry_after_s=10)
            if not is_there:
                raise Overloaded("Too much is being read already.", retry_after_s=_RETRY_AFTER_S)
            self._n_uploads += is_upload
            return self._idle.pop()[0]

    def _may_take(self, *, is_upload: bool) -> bool:
        while self._idle and not self._idle[-1][0].is_alive:
            self._idle.pop()[0].close()
            self._n_alive -= 1
            self._changed.notify_all()
        has_turn = not is_upload or self._n_uploads < max(1, self._limits.n_processes - 1)
        return self._is_closing or (bool(self._idle) and has_turn)

    def _give_back(self, process: ParserProcess, *, is_upload: bool) -> None:
        is_spent = (
            not process.is_alive
            or self._is_closing
            or process.n_requests >= _MOST_REQUESTS
            or process.resident_bytes > process.started_bytes + _MOST_GROWTH_BYTES
        )
        if is_spent:
            process.close()
        with self._changed:
            self._n_uploads -= is_upload
            if is_spent:
                self._n_alive -= 1
            else:
                self._idle.append((process, self._clock_s()))
            self._changed.notify_all()

    def _keep(self) -> None:
        """In a thread of its own: see to it that there are as many processes as needed, and no dead ones."""
        pause_s = 0.0
        while True:
            with self._changed:
                self._drop_spare_and_dead()
                if not self._changed.wait_for(lambda: self._is_closing or self._is_short, _LOOK_EVERY_S):
                    continue
                if self._is_closing:
                    break
            started = self._started()
            pause_s = 0.0 if started else min(_LONGEST_PAUSE_S, max(1.0, 2 * pause_s))
            if pause_s:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closing, pause_s)
        for process, _ in self._idle:
            process.close()

    @property
    def _is_short(self) -> bool:
        is_needed = self._n_waiting > len(self._idle) and self._n_alive < self._limits.n_processes
        return self._n_alive == 0 or is_needed

    def _started(self) -> bool:
        try:
            process = self._start_process(self._limits.memory_bytes)
        except Exception:
            logger.exception("a parsing process could not be started")
            return False
        with self._changed:
            self._n_alive += 1
            self._idle.append((process, self._clock_s()))
            self._changed.notify_all()
        return True

    def _drop_spare_and_dead(self) -> None:
        """Of the processes that nobody uses, keep those that live, and more than one only for a while."""
        kept: list[tuple[ParserProcess, float]] = []
        for process, since_s in self._idle:
            is_spare = self._n_alive > 1 and self._clock_s() - since_s > _IDLE_S
            if process.is_alive and not is_spare:
                kept.append((process, since_s))
            else:
                process.close()
                self._n_alive -= 1
        self._idle = kept


def _launched(memory_bytes: int) -> ParserProcess:
    return ParserProcess(launch(_MODULE, str(memory_bytes)))
