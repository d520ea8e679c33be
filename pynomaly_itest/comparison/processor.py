"""Processor time of both sides of a pair, as the kernel tells it: what they used, and what they waited for it."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from pynomaly_itest.comparison.sides import Started

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]


_FILE = "schedstat"
_AROUND = 0.1


@dataclass(frozen=True)
class Mark:
    """After so many turns, the processor time of both sides so far; None where it is not told."""

    turns: int
    base_s: float | None
    candidate_s: float | None


def mark(started: Sequence[Started], turns: int) -> Mark:
    """Both sides now."""
    base, candidate = (cpu_time_s(side) for side in started)
    return Mark(turns, base, candidate)


def cpu_time_s(side: Started) -> float | None:
    """Processor time of the tree so far, all its threads; None where its processes are not ours or the kernel does
    not tell it finely."""
    if side.root_pid is None:
        return None
    total_ns = 0
    for thread in _threads_of_tree(side.root_pid):
        with contextlib.suppress(OSError, ValueError, IndexError):
            total_ns += int((thread / _FILE).read_text().split()[0])
    return total_ns / 1e9 or None


def cpu_each(marks: Sequence[Mark]) -> dict[str, FloatArray]:
    """Processor time of an answer in ms, (2, slices): neighbours who take the processor away lengthen it little, and
    what a side does once in a while is in one slice only."""
    import numpy as np

    told = [each for each in marks if each.base_s is not None and each.candidate_s is not None]
    cumulative = np.array([(each.turns, each.base_s, each.candidate_s) for each in told], dtype=np.float64)
    slices = np.diff(cumulative, axis=0) if len(told) > 1 else np.empty((0, 3))
    usable = slices[(slices > 0).all(axis=1)]
    return {"cpu": (usable[:, 1:] * 1000 / usable[:, :1]).T} if len(usable) else {}


class WaitMeter:
    """How long the threads of a side, and this thread, have been ready to run while others had the processor.

    Of the threads that there are when it is made; 0 where the kernel does not tell. To be closed.
    """

    def __init__(self, side: Started) -> None:
        threads = [] if side.root_pid is None else list(_threads_of_tree(side.root_pid))
        self._files: list[int] = []
        for folder in (*threads, Path("/proc/thread-self")):
            with contextlib.suppress(OSError):
                self._files.append(os.open(folder / _FILE, os.O_RDONLY))

    def waited_ns(self) -> int:
        """So far; a thread that has ended counts no more."""
        total = 0
        for file in self._files:
            with contextlib.suppress(OSError, ValueError, IndexError):
                total += int(os.pread(file, 100, 0).split()[1])
        return total

    def close(self) -> None:
        """Give the files back."""
        for file in self._files:
            os.close(file)
        self._files = []


def waiting_share(turns: FloatArray, p: float) -> float:
    """How much of the time was waiting for a processor in what decides the p-quantile of a comparison, 0 to 1.

    turns: (2, 2, k), of base and candidate the ms that a call took, and that was waited meanwhile, turn by turn.
    Medians are compared turn by turn: so the turns count whose ratios are about their median, which need not wait even
    where most do. Of other quantiles, the calls count that are about it.
    """
    import numpy as np

    took, waited = turns[:, 0], turns[:, 1]
    if not took.size:
        return 0.0
    if p == 0.5:
        order, shares = np.log(took[1] / took[0]), waited.sum(axis=0) / took.sum(axis=0)
    else:
        order, shares = took.ravel(), (waited / took).ravel()
    around = min(_AROUND, 1 - p)
    first, last = math.floor(order.size * (p - around)), math.ceil(order.size * (p + around))
    decisive = np.argsort(order, kind="stable")[min(first, order.size - 1) : last]
    return float(np.clip(shares[decisive], 0.0, 1.0).mean())


def pin(root: int, cores: Sequence[int]) -> None:
    """Every thread of a process tree on these cores; threads made later stay there as well."""
    for thread in _threads_of_tree(root):
        with contextlib.suppress(OSError, ValueError):  # it may have ended meanwhile
            os.sched_setaffinity(int(thread.name), cores)


def _threads_of_tree(root: int) -> Iterator[Path]:
    """The kernel's folders of all threads."""
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(root)
        for process in (parent, *parent.children(recursive=True)):
            tasks = Path(f"/proc/{process.pid}/task")
            names = [str(process.pid)]
            with contextlib.suppress(OSError):
                names = os.listdir(tasks)
            yield from (tasks / name for name in names)
