"""One pair: both sides fresh, on the same cores, asked in turn in random order; what comes of it is one observation.

Runs in a thread of its own, without the collector; `stop` ends it between two questions.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

import psutil

from pynomaly_itest.comparison.asking import Asker, answers_per_second, check, refuse_error
from pynomaly_itest.comparison.pressure import Pressure, stalled_share
from pynomaly_itest.comparison.processor import Mark, WaitMeter, cpu_each, mark, pin
from pynomaly_itest.comparison.sides import Started
from pynomaly_itest.errors import CannotMeasure, ItestError
from pynomaly_itest.load.plan import Endpoint

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

WARM_UP = 30
"""Calls of each question that are not counted: the first ten are 1 to 7 % slow, flat after 30."""

_CHECK_EVERY = 50
_METER_EVERY = 8
_SLICES = 10
_BLOCK_S = 0.5
BLOCKS = 4
_CONNECTIONS = 4
MIB = 1024 * 1024


@dataclass(frozen=True)
class PairTerms:
    """asking_s: how long questions alternate. blocks: pairs of throughput blocks. cores: for both sides; ()
    leaves them where they are. rested: both were at rest before, so that processor time is that of answers."""

    asking_s: float = 2.0
    blocks: int = BLOCKS
    cores: tuple[int, ...] = ()
    rested: bool = True


@dataclass
class Pair:
    """What one pair gave. Of each question (2, n) ms, base above candidate; of each throughput (2, k) answers/s;
    of each process figure (base, candidate), of processor time (2, slices). stalled_share: of the time of asking in
    turn, how much somebody waited for a processor; starting a pair makes its own processes wait. waiting: of a
    sample of each question's turns, (2, 2, k) ms: of base and candidate what the call took, and what of that was
    waiting for a processor. from_cache: of each side, whether the last answer that was looked at said so."""

    latency_ms: dict[str, FloatArray] = field(default_factory=dict)
    rates: dict[str, FloatArray] = field(default_factory=dict)
    figures: dict[str, tuple[float, float] | FloatArray] = field(default_factory=dict)
    stalled_share: float | None = None
    waiting: dict[str, FloatArray] = field(default_factory=dict)
    from_cache: tuple[bool, bool] = (False, False)


class SideFailed(ItestError):
    """One of the two did not answer as it should; `index` is 0 for the base, 1 for the candidate."""

    def __init__(self, index: int, problem: ItestError) -> None:
        super().__init__(problem.message, hint=problem.hint)
        self.index = index


@dataclass
class Pairing:
    """Measures a pair that was started."""

    started: tuple[Started, Started]
    terms: PairTerms
    chance: random.Random
    stop: threading.Event

    def run(self) -> Pair:
        """Everything about the pair; raises SideFailed."""
        pair = Pair()
        askers = (Asker(self.started[0].door), Asker(self.started[1].door))
        with _undisturbed(self.terms.cores):
            self._pin()
            try:
                self._warm_up(askers)
                before = Pressure.now()
                with self._metered() as meters:
                    marks = self._alternate(askers, meters, pair)
                pair.from_cache = (askers[0].is_hit, askers[1].is_hit)
                after = Pressure.now() if self.terms.asking_s else None
            finally:
                for asker in askers:
                    asker.close()
            if self.terms.blocks:
                pair.rates = {"": self._throughput()}
            pair.stalled_share = stalled_share(before, after or Pressure.now())
        pair.figures = dict(self._figures())
        if self.terms.rested:
            pair.figures |= cpu_each(marks)
        return pair

    def _pin(self) -> None:
        for side in self.started:
            if side.root_pid is not None and self.terms.cores:
                pin(side.root_pid, self.terms.cores)

    def _questions(self, side: int) -> list[tuple[Endpoint, list[bytes]]]:
        """Of each question its endpoint, and all its bodies as bytes to send."""
        door, questions = self.started[side].door, self.started[side].questions
        return [
            (each.endpoint, [door.request(each.endpoint, body) for body in each.endpoint.bodies])
            for each in questions
        ]

    def _warm_up(self, askers: Sequence[Asker]) -> None:
        for side, asker in enumerate(askers):
            with _blaming(side):
                for endpoint, bodies in self._questions(side):
                    for number in range(WARM_UP):
                        if self.stop.is_set():
                            return
                        check(asker, endpoint, bodies[number % len(bodies)])

    @contextlib.contextmanager
    def _metered(self) -> Iterator[tuple[WaitMeter, WaitMeter]]:
        """What both sides wait, from their warm-up on."""
        meters = (WaitMeter(self.started[0]), WaitMeter(self.started[1]))
        try:
            yield meters
        finally:
            for meter in meters:
                meter.close()

    def _alternate(self, askers: Sequence[Asker], meters: Sequence[WaitMeter], pair: Pair) -> list[Mark]:
        """Each question of both sides next to each other, with the same body, in an order that chance decides.

        What the calls took, and what a sample of them waited, goes into the pair; returned are marks of processor
        time in between, which cut it into slices.
        """
        import numpy as np

        both = [self._questions(side) for side in (0, 1)]
        names = [question.name for question in self.started[0].questions]
        kept: list[tuple[list[int], list[int]]] = [([], []) for _ in names]
        waited: list[tuple[list[tuple[int, int]], ...]] = [([], []) for _ in names]
        begun, length = monotonic_ns(), int(self.terms.asking_s * 1e9)
        marks = [mark(self.started, 0)]
        for turn in itertools.count():
            now = monotonic_ns() - begun
            if now * _SLICES >= len(marks) * length:
                marks.append(mark(self.started, turn))
            if now >= length or self.stop.is_set():
                break
            which, number = turn % len(names), turn // len(names)
            body = self.chance.randrange(min(len(both[0][which][1]), len(both[1][which][1])))
            for side in self.chance.sample((0, 1), 2):
                endpoint, bodies = both[side][which]
                with _blaming(side):
                    before_ns = meters[side].waited_ns() if number % _METER_EVERY == 0 else None
                    took = askers[side].ask(bodies[body])
                    if before_ns is not None:
                        waited[which][side].append((took, meters[side].waited_ns() - before_ns))
                    refuse_error(askers[side], endpoint)
                    if number % _CHECK_EVERY == 0:
                        check(askers[side], endpoint, bodies[body])
                kept[which][side].append(took)
        for name, found, of_sample in zip(names, kept, waited, strict=True):
            if found[0]:
                pair.latency_ms[name] = np.array(found, dtype=np.float64) / 1e6
                pair.waiting[name] = np.array(of_sample, dtype=np.float64).swapaxes(1, 2) / 1e6
        return marks

    def _throughput(self) -> FloatArray:
        """Answers a second of both in alternating blocks, all questions in turn: (2, blocks)."""
        import numpy as np

        found: list[list[float]] = [[], []]
        crews = [[Asker(side.door) for _ in range(_CONNECTIONS)] for side in self.started]
        try:
            for _ in range(self.terms.blocks):
                for side in self.chance.sample((0, 1), 2):
                    if self.stop.is_set():
                        return np.empty((2, 0))
                    with _blaming(side):
                        until = monotonic_ns() + int(_BLOCK_S * 1e9)
                        rate = answers_per_second(crews[side], self._in_turn(side), monotonic_ns, until)
                    found[side].append(rate)
        finally:
            for asker in itertools.chain(*crews):
                asker.close()
        return np.array(found)

    def _in_turn(self, side: int) -> Iterator[tuple[Endpoint, bytes]]:
        questions = self._questions(side)
        for number in itertools.count():
            endpoint, bodies = questions[number % len(questions)]
            yield endpoint, bodies[number // len(questions) % len(bodies)]

    def _figures(self) -> dict[str, tuple[float, float]]:
        """Memory and start of both, where their processes are ours and the system tells."""
        found: dict[str, tuple[float, float]] = {}
        for name, of in _FIGURES.items():
            base, candidate = (of(side) for side in self.started)
            if base and candidate:
                found[name] = (base, candidate)
        return found


@contextlib.contextmanager
def _blaming(side: int) -> Iterator[None]:
    """Whose fault it is when something goes wrong in here; what is nobody's passes."""
    try:
        yield
    except CannotMeasure:
        raise
    except ItestError as problem:
        raise SideFailed(side, problem) from problem


@contextlib.contextmanager
def _undisturbed(cores: tuple[int, ...]) -> Iterator[None]:
    """This thread on other cores than the two sides, where there are others, and without the collector."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    elsewhere = allowed - set(cores)
    if cores and elsewhere:
        os.sched_setaffinity(0, elsewhere)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if cores and elsewhere:
            os.sched_setaffinity(0, allowed)


def cores_for_both() -> tuple[int, ...]:
    """One core for both sides where there are two or more, so that a neighbour on it disturbs both alike."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (allowed[-1],) if len(allowed) > 1 else ()


def _memory_mb(side: Started) -> float | None:
    """Pages that are the tree's alone and were written to: what it would give back by ending."""
    return _summed(side.root_pid, "smaps_rollup", "Private_Dirty:")


def _peak_memory_mb(side: Started) -> float | None:
    """The most that was ever resident, summed over the tree."""
    return _summed(side.root_pid, "status", "VmHWM:")


def _summed(root: int | None, file: str, label: str) -> float | None:
    if root is None:
        return None
    kib = 0
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        parent = psutil.Process(root)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{process.pid}/{file}").read_text().splitlines()
                kib += sum(int(line.split()[1]) for line in lines if line.startswith(label))
    return kib / 1024 or None


_FIGURES: dict[str, Callable[[Started], float | None]] = {
    "memory": _memory_mb,
    "peak_memory": _peak_memory_mb,
    "start": lambda side: side.ready_s,
}
