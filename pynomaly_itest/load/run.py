"""One entry point: put a planned load on a target, and say what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from pynomaly_itest.errors import TargetUnreachable, UsageError
from pynomaly_itest.load.crew import Crew
from pynomaly_itest.load.frames import Frame, Kind
from pynomaly_itest.load.ledger import Ledger
from pynomaly_itest.load.plan import LoadPlan, mistakes_in
from pynomaly_itest.load.result import Calibration, LoadResult, Progress
from pynomaly_itest.load.summary import Course, summarise

_PROGRESS_S = 0.5
_RATE_OVER_S = 2.0
_NS = 1_000_000_000


async def run_load(
    plan: LoadPlan,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    on_cancelled: Callable[[LoadResult], None] | None = None,
    calibration: Calibration | None = None,
    confidence: float = 0.95,
) -> LoadResult:
    """Carry out a plan in worker processes; returns when every request has an end.

    on_progress: called twice a second. stop: set it to end the load early and have what was measured. If the
    task is cancelled instead, `on_cancelled` gets what was measured before the cancellation goes on.
    Raises UsageError for a plan that can't be run, TargetUnreachable where the host has no address, CannotMeasure
    where workers do not start. A target that refuses is no error here: its refusals are outcomes.
    """
    wrong = mistakes_in(plan)
    if wrong:
        raise UsageError("; ".join(wrong), hint="see the load step's description")
    address = await _address(plan.url)
    ledger = Ledger(plan.warm_up_s, len(plan.endpoints))
    stopped_s: list[float] = []

    def hear(_: int, frame: Frame) -> None:
        if frame.kind is Kind.ROWS:
            ledger.add_rows(frame.payload)
        elif frame.kind is Kind.LAGS:
            ledger.add_lags(frame.payload)

    async with Crew(plan, address, hear) as crew:
        ledger.origin_ns = crew.begin()

        def result() -> LoadResult:
            ends = [hand.end for hand in crew.hands if hand.end is not None]
            course = Course(ends, _complaints(crew), next(iter(stopped_s), None), calibration, confidence)
            return summarise(plan, ledger, course)

        def interrupt() -> None:
            stopped_s.append((time.monotonic_ns() - ledger.origin_ns) / _NS)
            ledger.stopped = True
            crew.stop()

        try:
            await _supervise(plan, crew, ledger, stop, interrupt, on_progress)
        except asyncio.CancelledError:
            interrupt()
            if on_cancelled is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(crew.wait(), 3.0)
                on_cancelled(result())
            raise
        return result()


async def _supervise(
    plan: LoadPlan,
    crew: Crew,
    ledger: Ledger,
    stop: asyncio.Event | None,
    interrupt: Callable[[], None],
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Until all workers are done; passes on an early stop, and reports how it stands."""
    done = asyncio.create_task(crew.wait())
    stopping = asyncio.create_task(stop.wait()) if stop is not None else None
    meter = _Meter(plan, ledger)
    try:
        while not done.done():
            waiting = {done} if stopping is None else {done, stopping}
            await asyncio.wait(waiting, timeout=_PROGRESS_S, return_when=asyncio.FIRST_COMPLETED)
            if stopping is not None and stopping.done() and not done.done():
                stopping = None
                interrupt()
            if on_progress is not None:
                on_progress(meter.read(time.monotonic_ns()))
        await done
    finally:
        for task in (done, stopping):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


class _Meter:
    """Reads the ledger while it is being written."""

    def __init__(self, plan: LoadPlan, ledger: Ledger) -> None:
        self._plan = plan
        self._ledger = ledger
        self._seen: deque[tuple[float, int]] = deque()

    def read(self, now_ns: int) -> Progress:
        ledger = self._ledger
        elapsed_s = max(0.0, (now_ns - ledger.origin_ns) / _NS)
        answered = ledger.warm_up_requests + ledger.requests
        self._seen.append((elapsed_s, answered))
        while len(self._seen) > 2 and self._seen[1][0] < elapsed_s - _RATE_OVER_S:
            self._seen.popleft()
        begun_s, before = self._seen[0]
        span_s = elapsed_s - begun_s
        counts = ledger.progress
        p50, p95 = (counts.at_rank(math.ceil(p * counts.n)) if counts.n else math.nan for p in (0.5, 0.95))
        return Progress(
            elapsed_s=elapsed_s,
            remaining_s=max(0.0, self._plan.planned_s - elapsed_s),
            requests=answered,
            rate=(answered - before) / span_s if span_s > 0 else math.nan,
            p50_ms=p50,
            p95_ms=p95,
            failures=ledger.failures,
        )


def _complaints(crew: Crew) -> list[str]:
    """One line for each worker that has not reported its end."""
    lines = []
    for hand in crew.hands:
        if hand.end is None:
            said = hand.complaint.decode("utf-8", "replace").strip().splitlines()
            lines.append(f"load worker {hand.number} ended early" + (f": {said[-1]}" if said else ""))
    return lines


async def _address(url: str) -> str:
    """A numeric address of the URL's host."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TargetUnreachable(f"no address for {parts.hostname}: {error.strerror or error}") from error
    return str(found[0][4][0])
