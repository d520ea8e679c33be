"""Who sends when: arrivals on a schedule (open model), or users who wait for their answers (closed model)."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING

from pynomaly_itest.load.executors import (
    ClosedExecutor,
    ConstantVus,
    PerVuIterations,
    RampingVus,
    SharedIterations,
)
from pynomaly_itest.load.pacers import Pacer, users_at
from pynomaly_itest.load.ticker import Readers, Ticker

if TYPE_CHECKING:
    from pynomaly_itest.load.pool import Pool
    from pynomaly_itest.load.wire import Prepared

_CHUNK = 2048
_NS = 1_000_000_000
_HEARTBEAT_NS = 10_000_000
_BACK_OFF_NS = 100_000_000


@dataclass(frozen=True)
class Share:
    """Which part of the load is this worker's: every `of`-th, beginning with number `worker`."""

    worker: int
    of: int

    def part_of(self, whole: int) -> int:
        """How many of `whole` things are this worker's."""
        return len(range(self.worker, whole, self.of))


class OpenModel:
    """Sends each arrival when it is due, whatever has become of the ones before."""

    def __init__(
        self, pool: Pool, requests: Iterator[Prepared], pacer: Pacer, share: Share, loop: Readers
    ) -> None:
        self.over = False
        self._pool = pool
        self._requests = requests
        self._due = self._schedule(pacer, share)
        self._next: int | None = None
        self._origin_ns = 0
        self._ticker = Ticker(loop, self._tick)

    def begin(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self._next = next(self._due, None)
        self._arm()

    def stop(self) -> None:
        """No more arrivals."""
        if not self.over:
            self.over = True
            self._ticker.close()

    def following(self, now_ns: int) -> Prepared | None:
        """Nothing follows from an answer in an open model."""
        return None

    def finished(self, user: object, now_ns: int, *, connected: bool) -> None:
        """Nothing follows from an answer in an open model."""

    def _tick(self) -> None:
        now = monotonic_ns()
        due, origin = self._next, self._origin_ns
        while due is not None and origin + due <= now:
            self._pool.submit(next(self._requests), origin + due, now)
            due = next(self._due, None)
        self._next = due
        self._arm()

    def _arm(self) -> None:
        if self._next is None:
            self.stop()
        else:
            self._ticker.arm(self._origin_ns + self._next)

    @staticmethod
    def _schedule(pacer: Pacer, share: Share) -> Iterator[int]:
        first = 0
        while True:
            due = pacer.arrivals(first, _CHUNK * share.of)
            yield from due[share.worker :: share.of].tolist()
            if due.size < _CHUNK * share.of:
                return
            first += _CHUNK * share.of


@dataclass(slots=True)
class User:
    """A virtual user: sends, waits for the answer, thinks, sends again."""

    number: int
    left: int | None
    """Requests still to send; None: until the time is up."""


class ClosedModel:
    """Keeps as many users busy as the executor asks for."""

    def __init__(
        self,
        pool: Pool,
        requests: Iterator[Prepared],
        executor: ClosedExecutor,
        share: Share,
        loop: Readers,
        lags_ns: array[int],
        think_time_s: float,
    ) -> None:
        self.over = False
        self._pool = pool
        self._requests = requests
        self._executor = executor
        self._share = share
        self._lags_ns = lags_ns
        self._think_ns = int(think_time_s * _NS)
        self._goes_on_at_once = isinstance(executor, ConstantVus) and not self._think_ns
        self._active = 0
        self._started = 0
        self._shared_left = (
            share.part_of(executor.iterations) if isinstance(executor, SharedIterations) else None
        )
        self._thinking: list[tuple[int, int, User]] = []
        self._beat_ns = self._origin_ns = self._end_ns = 0
        self._ticker = Ticker(loop, self._tick)

    def begin(self, origin_ns: int) -> None:
        self._origin_ns = self._beat_ns = origin_ns
        self._end_ns = origin_ns + int(self._executor.planned_s * _NS)
        self._ticker.arm(origin_ns)

    def stop(self) -> None:
        """Nobody sends any more; who waits for an answer still gets it."""
        if not self.over:
            self.over = True
            self._thinking.clear()
            self._ticker.close()

    def following(self, now_ns: int) -> Prepared | None:
        """The next request, where users go on at once, uncounted, until the time is up: the case that must be cheap."""
        if self._goes_on_at_once and now_ns < self._end_ns and not self.over:
            return next(self._requests)
        return None

    def finished(self, user: User, now_ns: int, *, connected: bool) -> None:
        """The user's request has ended: send the next one, after thinking; a refused one, after a pause."""
        if self.over or now_ns >= self._end_ns or self._active > self._wanted(now_ns):
            self._active -= 1
            return
        pause = self._think_ns if connected else max(self._think_ns, _BACK_OFF_NS)
        if pause:
            heapq.heappush(self._thinking, (now_ns + pause, user.number, user))
            self._rearm()
        else:
            self._send(user, now_ns, now_ns)

    def _send(self, user: User, intended_ns: int, now_ns: int) -> None:
        if user.left == 0 or self._shared_left == 0:
            self._active -= 1
            if self._active == 0:
                self.stop()
            return
        if user.left is not None:
            user.left -= 1
        if self._shared_left is not None:
            self._shared_left -= 1
        self._pool.submit(next(self._requests), intended_ns, now_ns, user)

    def _wanted(self, now_ns: int) -> int:
        executor = self._executor
        if isinstance(executor, RampingVus):
            return self._share.part_of(users_at(executor, (now_ns - self._origin_ns) / _NS))
        return self._share.part_of(executor.vus)

    def _tick(self) -> None:
        now = monotonic_ns()
        if now >= self._end_ns:
            self.stop()
            return
        if now >= self._beat_ns:
            self._lags_ns.append(now - self._beat_ns)
            self._beat_ns = now + _HEARTBEAT_NS
            self._start_users(now)
        while self._thinking and self._thinking[0][0] <= now and not self.over:
            due, _, user = heapq.heappop(self._thinking)
            self._send(user, due, now)
        if not self.over:
            self._rearm()

    def _start_users(self, now: int) -> None:
        """Bring the number of users up to what is wanted; those with iterations to do start but once."""
        counted = isinstance(self._executor, SharedIterations | PerVuIterations)
        room = self._wanted(now) - (self._started if counted else self._active)
        left = self._executor.iterations if isinstance(self._executor, PerVuIterations) else None
        for _ in range(room):
            self._active += 1
            self._started += 1
            self._send(User(self._started, left), now, now)
            if self.over:
                return

    def _rearm(self) -> None:
        due = self._thinking[0][0] if self._thinking else self._beat_ns
        self._ticker.arm(min(due, self._beat_ns))
