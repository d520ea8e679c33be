"""The load's shape as pure functions: when each arrival is due, and how many users there are at a time.

No clock in here. Arrival k (counted from 0) is due when the integral of the rate reaches k, so the shape does
not depend on who asks, when, or in how many processes; exactly one loop elsewhere sleeps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pynomaly_itest.load.executors import (
    ConstantArrivalRate,
    OpenExecutor,
    PoissonArrivals,
    RampingVus,
    Stage,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Instants = npt.NDArray[np.int64]

_NS = 1_000_000_000


@dataclass(frozen=True)
class Pace:
    """What to do next: wait so long, or stop for good."""

    wait_ns: int
    stop: bool = False


class Pacer(Protocol):
    """When arrivals are due."""

    def arrivals(self, first: int, count: int) -> Instants:
        """Due times of arrivals first … first + count - 1, in ns from the start; fewer at the end of the load."""
        ...


def pace(pacer: Pacer, elapsed_ns: int, hits: int) -> Pace:
    """After `hits` arrivals, `elapsed_ns` from the start: how long to wait for the next one."""
    due = pacer.arrivals(hits, 1)
    if due.size == 0:
        return Pace(0, stop=True)
    return Pace(max(0, int(due[0]) - elapsed_ns))


@dataclass(frozen=True)
class ConstantPacer:
    """Arrival k is due at k / rate: `rate` * `duration_s` of them."""

    rate: float
    duration_s: float

    def arrivals(self, first: int, count: int) -> Instants:
        import numpy as np

        total = math.ceil(self.rate * self.duration_s - 1e-9)
        numbers = np.arange(first, min(first + count, total), dtype=np.float64)
        return np.rint(numbers * (_NS / self.rate)).astype(np.int64)


@dataclass(frozen=True)
class RampingPacer:
    """The rate changes linearly within each stage; a stage of 0 s is a jump.

    Within a stage of length T from rate a to rate b, the arrivals up to time t number a*t + (b - a)*t**2 / (2*T).
    """

    start_rate: float
    stages: tuple[Stage, ...]

    def arrivals(self, first: int, count: int) -> Instants:
        import numpy as np

        due: list[Instants] = []
        begin_s, rate, passed = 0.0, self.start_rate, 0.0
        for stage in self.stages:
            within = stage.duration_s * (rate + stage.target) / 2
            low = max(first, math.ceil(passed - 1e-9))
            high = min(first + count, math.ceil(passed + within - 1e-9))
            if high > low:
                offsets = _when(np.arange(low, high, dtype=np.float64) - passed, rate, stage)
                due.append(np.rint((begin_s + offsets) * _NS).astype(np.int64))
            begin_s, rate, passed = begin_s + stage.duration_s, stage.target, passed + within
        return np.concatenate(due) if due else np.empty(0, dtype=np.int64)


def _when(hits: npt.NDArray[np.float64], rate: float, stage: Stage) -> npt.NDArray[np.float64]:
    """Seconds into the stage at which its integral reaches `hits`: the root of the quadratic, stably."""
    import numpy as np

    hits = np.maximum(hits, 0.0)
    slope = (stage.target - rate) / stage.duration_s
    root = np.sqrt(np.maximum(rate * rate + 2 * slope * hits, 0.0))
    whole = rate + root
    reached = np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0)
    offsets: npt.NDArray[np.float64] = np.minimum(reached, stage.duration_s)
    return offsets


_CHUNK = 4096


@dataclass(frozen=True)
class PoissonPacer:
    """Gaps are exponential with mean 1 / rate, drawn from the seed: the same for every worker."""

    rate: float
    duration_s: float
    seed: int
    _ends: list[float] = field(default_factory=lambda: [0.0], repr=False, compare=False)

    def arrivals(self, first: int, count: int) -> Instants:
        import numpy as np

        chunks = range(first // _CHUNK, (first + count - 1) // _CHUNK + 1)
        due = np.concatenate([self._chunk(number) for number in chunks])
        due = due[first - chunks[0] * _CHUNK :][:count]
        instants: Instants = np.rint(due[due < self.duration_s] * _NS).astype(np.int64)
        return instants

    def _chunk(self, number: int) -> npt.NDArray[np.float64]:
        """Due times in seconds of one chunk of arrivals; it begins where the one before ended."""
        while len(self._ends) <= number:
            self._ends.append(self._ends[-1] + float(self._gaps(len(self._ends) - 1).sum()))
        due: npt.NDArray[np.float64] = self._ends[number] + self._gaps(number).cumsum()
        return due

    def _gaps(self, number: int) -> npt.NDArray[np.float64]:
        import numpy as np

        return np.random.default_rng([self.seed, number]).exponential(1 / self.rate, _CHUNK)


def pacer_of(executor: OpenExecutor, seed: int) -> Pacer:
    """The pacer that an open executor describes."""
    if isinstance(executor, ConstantArrivalRate):
        return ConstantPacer(executor.rate, executor.duration_s)
    if isinstance(executor, PoissonArrivals):
        return PoissonPacer(executor.rate, executor.duration_s, seed)
    return RampingPacer(executor.start_rate, executor.stages)


def rate_at(executor: OpenExecutor, elapsed_s: float) -> float:
    """Arrivals a second (on average, of random ones) at a time; the last stage's once it is over."""
    if isinstance(executor, ConstantArrivalRate | PoissonArrivals):
        return executor.rate
    begin_s, level = 0.0, executor.start_rate
    for stage in executor.stages:
        if elapsed_s < begin_s + stage.duration_s:
            return level + (stage.target - level) * (elapsed_s - begin_s) / stage.duration_s
        begin_s, level = begin_s + stage.duration_s, stage.target
    return level


def users_at(executor: RampingVus, elapsed_s: float) -> int:
    """Virtual users of a ramp at a time, rounded to the nearest; 0 once it is over."""
    begin_s, level = 0.0, float(executor.start_vus)
    for stage in executor.stages:
        if elapsed_s < begin_s + stage.duration_s:
            share = (elapsed_s - begin_s) / stage.duration_s
            return math.floor(level + (stage.target - level) * share + 0.5)
        begin_s, level = begin_s + stage.duration_s, stage.target
    return 0
