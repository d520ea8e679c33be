"""The worker processes of one load run: started together, begun at one instant, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.load.frames import End, Frame, FrameReader, Go, Kind, Order, packed
from pynomaly_itest.load.plan import LoadPlan

_PACKAGES = Path(__file__).resolve().parents[2]
_START_S = 60.0
_LEAD_NS = 50_000_000
"""Between telling all workers and the first arrival: long enough for the slowest to hear of it."""
_ENDED_S = 5.0
_PIPE_BYTES = 512 * 1024


@dataclass
class Hand:
    """One worker process, as its starter sees it."""

    number: int
    process: asyncio.subprocess.Process
    rows_fd: int
    """The reading end of the worker's standard output; the crew closes it."""
    end: End | None = None
    complaint: bytes = b""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(packed(kind, payload))

    async def listen(self, hear: Callable[[int, Frame], None]) -> None:
        """Hand every frame on, until the worker ends."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        reader, room = FrameReader(), memoryview(bytearray(_PIPE_BYTES))

        def readable() -> None:
            try:
                size = os.readv(self.rows_fd, [room])
                for frame in reader.feed(room[:size]):
                    self._heard(frame, hear)
            except BlockingIOError:
                return
            except Exception as error:
                loop.remove_reader(self.rows_fd)
                over.set_exception(error)
                return
            if size == 0:
                loop.remove_reader(self.rows_fd)
                over.set_result(None)

        loop.add_reader(self.rows_fd, readable)
        try:
            await over
        finally:
            loop.remove_reader(self.rows_fd)

    def _heard(self, frame: Frame, hear: Callable[[int, Frame], None]) -> None:
        if frame.kind is Kind.END:
            self.end = msgspec.msgpack.decode(frame.payload, type=End)
        else:
            hear(self.number, frame)

    async def collect_complaint(self) -> None:
        if self.process.stderr is not None:
            self.complaint = (await self.process.stderr.read())[-2000:]


class Crew:
    """All workers of a plan. Use as an async context manager: whatever happens, they are gone at its end."""

    def __init__(self, plan: LoadPlan, address: str, hear: Callable[[int, Frame], None]) -> None:
        self._plan = plan
        self._address = address
        self._hear = hear
        self._ready: list[asyncio.Event] = [asyncio.Event() for _ in range(plan.workers)]
        self._listening: list[asyncio.Task[None]] = []
        self.hands: list[Hand] = []

    async def __aenter__(self) -> Crew:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def begin(self) -> int:
        """Tell all to begin; returns the instant, ns on the monotonic clock."""
        origin_ns = time.monotonic_ns() + _LEAD_NS
        for hand in self.hands:
            hand.send(Kind.GO, msgspec.msgpack.encode(Go(origin_ns)))
        return origin_ns

    def stop(self) -> None:
        """No more requests; what waits is given half a second."""
        for hand in self.hands:
            hand.send(Kind.STOP)

    def finish(self) -> None:
        """No more requests; what waits is given all the time it has."""
        for hand in self.hands:
            hand.send(Kind.FINISH)

    async def wait(self) -> None:
        """Until every worker has reported its end or died."""
        listening = self._listening[::2]
        await asyncio.wait(listening)  # not gather: who stops waiting must not stop the listening
        for task in listening:
            task.result()

    async def _start(self) -> None:
        cpus = cores_for(self._plan)
        for number in range(self._plan.workers):
            hand = await started(number)
            self.hands.append(hand)
            order = Order(self._plan, number, self._plan.workers, self._address, cpus[number])
            hand.send(Kind.ORDER, msgspec.msgpack.encode(order))
            self._listening.append(asyncio.create_task(hand.listen(self._heard)))
            self._listening.append(asyncio.create_task(hand.collect_complaint()))
        await self._until_ready()

    async def _until_ready(self) -> None:
        ready = asyncio.create_task(self._all_ready())
        dead = asyncio.create_task(self._first_dead())
        try:
            await asyncio.wait((ready, dead), timeout=_START_S, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise CannotMeasure("a load worker did not start", hint=await self._why())
        finally:
            for task in (ready, dead):
                task.cancel()
            await asyncio.gather(ready, dead, return_exceptions=True)

    async def _all_ready(self) -> None:
        for event in self._ready:
            await event.wait()

    async def _first_dead(self) -> None:
        ends = [asyncio.create_task(hand.process.wait()) for hand in self.hands]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _why(self) -> str:
        """The last line of what a dead worker had to say."""
        for hand in self.hands:
            if hand.process.returncode is not None:
                await asyncio.wait(self._listening[2 * hand.number + 1 : 2 * hand.number + 2], timeout=1.0)
                lines = hand.complaint.decode("utf-8", "replace").strip().splitlines()
                return lines[-1] if lines else f"it ended with status {hand.process.returncode}"
        return f"not one of them answered within {_START_S:g} s"

    def _heard(self, number: int, frame: Frame) -> None:
        if frame.kind is Kind.READY:
            self._ready[number].set()
        else:
            self._hear(number, frame)

    async def _end(self) -> None:
        """Close their input, which ends them; kill who does not go."""
        for hand in self.hands:
            if hand.process.stdin is not None:
                hand.process.stdin.close()
        cancelled = False
        for hand in self.hands:
            try:
                await asyncio.wait_for(hand.process.wait(), 0 if cancelled else _ENDED_S)
            except (TimeoutError, asyncio.CancelledError) as hurry:
                cancelled = cancelled or isinstance(hurry, asyncio.CancelledError)
                with contextlib.suppress(ProcessLookupError):
                    hand.process.kill()
                await hand.process.wait()
        await asyncio.gather(*self._listening, return_exceptions=True)
        for hand in self.hands:
            os.close(hand.rows_fd)
        if cancelled:  # first they had to go
            raise asyncio.CancelledError


async def started(number: int) -> Hand:
    """A worker process, waiting for its order. Its rows come through a pipe of our own: asyncio's would take and give
    back 256 KiB of memory for each 64 KiB read, which costs more than all that is done with the rows.
    """
    rows_fd, written_fd = os.pipe()
    os.set_blocking(rows_fd, False)
    with contextlib.suppress(OSError):  # a limit on pipes: then at their usual size
        fcntl.fcntl(rows_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "pynomaly_itest.load.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=written_fd,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
    except BaseException:
        os.close(rows_fd)
        raise
    finally:
        os.close(written_fd)
    return Hand(number, process, rows_fd)


def cores_for(plan: LoadPlan) -> list[int | None]:
    """A core for each worker, from the last ones; None where there are no more cores than workers."""
    available = sorted(os.sched_getaffinity(0))
    if not plan.pin or len(available) <= plan.workers:
        return [None] * plan.workers
    return [*available[-plan.workers :]]


def environment() -> dict[str, str]:
    """What a worker inherits: not our secrets, but the way to our code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYNOMALY_")}
    path = [str(_PACKAGES), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path)}
