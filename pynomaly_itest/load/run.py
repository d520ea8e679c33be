"""One entry point: put a planned load on a target, and say what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from pynomaly_itest.errors import TargetUnreachable, UsageError
from pynomaly_itest.load.crew import Crew, Hand
from pynomaly_itest.load.executors import ConstantArrivalRate, ConstantVus, PoissonArrivals, peak_rate
from pynomaly_itest.load.frames import End, Frame, Kind
from pynomaly_itest.load.ledger import Ledger
from pynomaly_itest.load.objectives import Abort, Watch
from pynomaly_itest.load.plan import LoadPlan, mistakes_in
from pynomaly_itest.load.result import Calibration, LoadResult, Progress
from pynomaly_itest.load.summary import Course, summarise
from pynomaly_itest.transport.departures import Departures, departures_for

_PROGRESS_S = 0.25
_RATE_OVER_S = 2.0
_KNOCK_S = 2.0
_KEEPING_S = 3.0
"""How long a cancelled run waits for the last figures."""
_NS = 1_000_000_000


async def run_load(
    plan: LoadPlan,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    on_cancelled: Callable[[LoadResult], None] | None = None,
    calibration: Calibration | None = None,
    confidence: float = 0.95,
    abort: Abort | None = None,
    record: Record | None = None,
    looks: LooksAt | None = None,
    departures: Departures | None = None,
) -> LoadResult:
    """Carry out a plan in worker processes; returns when every request has an end.

    on_progress: called four times a second. stop: set it to end the load early and have what was measured. If the
    task is cancelled instead, `on_cancelled` gets what was measured before the cancellation goes on.
    abort: when the load is to end itself; the result then says why, and when that began.
    record: of the parts of this load that went before, all levels of one executor; the result is of all together.
    looks: asked on the way whether this is enough; then nothing more is sent, and what was sent has its answers.
    departures: who is asked whether so much may be sent; None: what holds where nobody answers for more.
    Raises UsageError for a plan that can't be run, TargetUnreachable where the host has no address, CannotMeasure
    where workers do not start or so much may not be sent. A target that refuses is no error here: its refusals are
    outcomes.
    """
    wrong = mistakes_in(plan)
    if wrong:
        raise UsageError("; ".join(wrong), hint="see the load step's description")
    (departures or departures_for(plan.url, is_authorised=False)).check_rate(peak_rate(plan.executor))
    run = _Run(plan, Course([], [], None, calibration, confidence), record or Record())
    async with Crew(plan, await _address(plan.url), run.hear) as crew:
        run.begin(crew)
        try:
            await _supervise(run, crew, stop, on_progress, None if abort is None else Watch(abort), looks)
        except asyncio.CancelledError:
            run.interrupt()
            if on_cancelled is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(crew.wait(), _KEEPING_S)
                on_cancelled(run.result())
            raise
        return run.ended(confidence if looks is None else looks.confidence_at_end())


class LooksAt(Protocol):
    """Looks at what a load has given so far."""

    def is_due(self, elapsed_s: float) -> bool:
        """Whether to look now: seconds on the clock of all parts."""

    def confidence_of_look(self) -> float:
        """How sure the intervals of what it looks at are to be."""

    def confidence_at_end(self) -> float:
        """How sure those of the result are to be."""

    def is_enough(self, so_far: LoadResult) -> bool: ...


@dataclass
class Record:
    """What the parts of a load have given so far: on one clock, on which each begins when the one before was to end."""

    ledger: Ledger | None = None
    ends: list[End] = field(default_factory=list)
    planned_s: float = 0.0


class _Run:
    """What one call of `run_load` knows."""

    def __init__(self, plan: LoadPlan, course: Course, record: Record) -> None:
        if record.ledger is None:
            objective_ms = plan.objective_ms or math.inf
            record.ledger = Ledger(plan.warm_up_s, len(plan.endpoints), objective_ms=objective_ms)
        self.ledger = record.ledger
        self.plan = _of_all_parts(plan, record)
        self._record = record
        self._course = replace(course, part=plan)
        self._crew: Crew | None = None
        self._paused_ns = 0

    def begin(self, crew: Crew) -> None:
        self._crew = crew
        origin_ns = crew.begin()
        self.ledger.stopped = False
        if not self._record.planned_s:
            self.ledger.origin_ns = origin_ns
        self._paused_ns = origin_ns - self.ledger.origin_ns - round(self._record.planned_s * _NS)

    def elapsed_s(self) -> float:
        """On the clock of all parts."""
        return (time.monotonic_ns() - self._paused_ns - self.ledger.origin_ns) / _NS

    def hear(self, _: int, frame: Frame) -> None:
        if frame.kind is Kind.ROWS:
            self.ledger.add_rows(frame.payload, self._paused_ns)
        elif frame.kind is Kind.LAGS:
            self.ledger.add_lags(frame.payload)

    def broke(self, since_s: float, reason: str) -> None:
        """End the load because an objective is broken."""
        self._course = replace(self._course, broke_s=since_s, broke_why=reason)
        self.interrupt()

    def interrupt(self) -> None:
        """End the load before its time."""
        if self._crew is not None:
            self._course = replace(self._course, stopped_s=self.elapsed_s())
            self.ledger.stopped = True
            self._crew.stop()

    def is_enough(self, looks: LooksAt, elapsed_s: float) -> bool:
        """Whether a look that is due finds enough in what has an end so far."""
        if not looks.is_due(elapsed_s):
            return False
        confidence = looks.confidence_of_look()
        course = replace(self._course, stopped_s=elapsed_s, confidence=confidence, goes_on=True)
        return looks.is_enough(summarise(self.plan, self.ledger, course))

    def finish(self) -> None:
        """End the load before its time, once everything that was sent has its answer."""
        if self._crew is not None:
            self.plan = _lasting(self.plan, self.elapsed_s())
            self.ledger.stopped = True
            self._crew.finish()

    def result(self) -> LoadResult:
        hands = [] if self._crew is None else self._crew.hands
        ends = [*self._record.ends, *(hand.end for hand in hands if hand.end is not None)]
        course = replace(self._course, ends=ends, complaints=_complaints(hands))
        return summarise(self.plan, self.ledger, course)

    def ended(self, confidence: float) -> LoadResult:
        """The result, with this part entered in the record."""
        self._course = replace(self._course, confidence=confidence)
        result = self.result()
        self._record.planned_s = self.plan.planned_s
        if self._crew is not None:
            self._record.ends += [hand.end for hand in self._crew.hands if hand.end is not None]
        self.ledger.before = self.ledger.requests + self.ledger.warm_up_requests
        return result


def _of_all_parts(plan: LoadPlan, record: Record) -> LoadPlan:
    """The plan of this part, as if those before it had been part of it."""
    if not record.planned_s or record.ledger is None:
        return plan
    if not isinstance(plan.executor, ConstantArrivalRate | PoissonArrivals | ConstantVus):
        raise UsageError("only a load on one level can go on where it ended")
    longer = _lasting(plan, record.planned_s + plan.executor.duration_s)
    return msgspec.structs.replace(longer, warm_up_s=record.ledger.warm_up_s)


def _lasting(plan: LoadPlan, duration_s: float) -> LoadPlan:
    """The plan, were it as long as that."""
    return msgspec.structs.replace(
        plan, executor=msgspec.structs.replace(plan.executor, duration_s=duration_s)
    )


async def _supervise(
    run: _Run,
    crew: Crew,
    stop: asyncio.Event | None,
    on_progress: Callable[[Progress], None] | None,
    watch: Watch | None,
    looks: LooksAt | None,
) -> None:
    """Until all workers are done; passes on an early stop, ends what is broken or enough, and tells how it stands."""
    done = asyncio.create_task(crew.wait())
    stopping = asyncio.create_task(stop.wait()) if stop is not None else None
    meter = _Meter(run.plan, run.ledger)
    try:
        while not done.done():
            waiting = {done} if stopping is None else {done, stopping}
            await asyncio.wait(waiting, timeout=_PROGRESS_S, return_when=asyncio.FIRST_COMPLETED)
            if stopping is not None and stopping.done() and not done.done():
                stopping = None
                run.interrupt()
            elapsed_s = run.elapsed_s()
            if watch is not None and (why := watch.broken(run.ledger, elapsed_s)) is not None:
                run.broke(watch.since_s or elapsed_s, why)
                watch = None
            if looks is not None and not done.done() and run.is_enough(looks, elapsed_s):
                run.finish()
                looks = None
            if on_progress is not None:
                on_progress(meter.read(elapsed_s))
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

    def read(self, elapsed_s: float) -> Progress:
        ledger = self._ledger
        elapsed_s = max(0.0, elapsed_s)
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


def _complaints(hands: Sequence[Hand]) -> list[str]:
    """One line for each worker that has not reported its end."""
    lines = []
    for hand in hands:
        if hand.end is None:
            said = hand.complaint.decode("utf-8", "replace").strip().splitlines()
            lines.append(f"load worker {hand.number} ended early" + (f": {said[-1]}" if said else ""))
    return lines


async def _address(url: str) -> str:
    """A numeric address of the URL's host: of several (localhost is often two) the first that lets us in."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TargetUnreachable(f"no address for {parts.hostname}: {error.strerror or error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses if len(addresses) > 1 else []:
        with contextlib.suppress(OSError):
            opening = loop.create_connection(asyncio.Protocol, address, port)
            transport, _ = await asyncio.wait_for(opening, _KNOCK_S)
            transport.abort()
            return address
    return addresses[0]
