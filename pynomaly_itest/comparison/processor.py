"""Processor time of both sides of a pair, as the kernel tells it: what they used, and what they waited for it."""

from __future__ import annotations

import contextlib
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


@dataclass(frozen=True)
class ProcessorTime:
    """So far, in seconds: on a processor, and ready to run while others had it."""

    used_s: float
    waited_s: float


@dataclass(frozen=True)
class Mark:
    """After so many turns, the processor time of both sides so far, None where it is not told; waited_s: what they
    and the asking thread have waited for a processor, as far as it is told."""

    turns: int
    base_s: float | None
    candidate_s: float | None
    waited_s: float = 0.0


def mark(started: Sequence[Started], turns: int) -> Mark:
    """Both sides now."""
    base, candidate = (processor_time(side) for side in started)
    waited_s = sum(each.waited_s for each in (base, candidate, _of_thread(Path("/proc/thread-self"))) if each)
    return Mark(
        turns,
        None if base is None else base.used_s,
        None if candidate is None else candidate.used_s,
        waited_s,
    )


def processor_time(side: Started) -> ProcessorTime | None:
    """Of the tree so far, all its threads; None where its processes are not ours or the kernel does not tell."""
    if side.root_pid is None:
        return None
    told = list(filter(None, map(_of_thread, _threads_of_tree(side.root_pid))))
    used_s = sum(each.used_s for each in told)
    return ProcessorTime(used_s, sum(each.waited_s for each in told)) if used_s else None


def cpu_time_s(side: Started) -> float | None:
    """Processor time that the tree has used so far; None where the kernel does not tell it finely."""
    told = processor_time(side)
    return None if told is None else told.used_s


def cpu_each(marks: Sequence[Mark]) -> dict[str, FloatArray]:
    """Processor time of an answer in ms, (2, slices): neighbours who take the processor away lengthen it little, and
    what a side does once in a while is in one slice only."""
    import numpy as np

    told = [each for each in marks if each.base_s is not None and each.candidate_s is not None]
    cumulative = np.array([(each.turns, each.base_s, each.candidate_s) for each in told], dtype=np.float64)
    slices = np.diff(cumulative, axis=0) if len(told) > 1 else np.empty((0, 3))
    usable = slices[(slices > 0).all(axis=1)]
    return {"cpu": (usable[:, 1:] * 1000 / usable[:, :1]).T} if len(usable) else {}


def waiting_share(marks: Sequence[Mark], calls_s: float) -> float:
    """How much of the calls' time, at most, was spent waiting for a processor, 0 to 1; 0 where nothing is told."""
    if len(marks) < 2 or calls_s <= 0:
        return 0.0
    return min(1.0, max(0.0, (marks[-1].waited_s - marks[0].waited_s) / calls_s))


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


def _of_thread(folder: Path) -> ProcessorTime | None:
    with contextlib.suppress(OSError, ValueError):
        used_ns, waited_ns = (folder / "schedstat").read_text().split()[:2]
        return ProcessorTime(int(used_ns) / 1e9, int(waited_ns) / 1e9)
    return None
