"""Runs jobs on a few worker processes: a bounded queue before them, progress, cancelling, and an orderly end.

One thread stands before each process; it prepares what the process needs and stores what it gives.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pynomaly.memory import give_back
from pynomaly.workers.fair_queue import FairQueue, Shares
from pynomaly.workers.process import WorkerProcess

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 2.0
_LONGEST_WAIT_S = 60.0


@dataclass(slots=True)
class Job:
    """One piece of work: `run` gets the process and the job itself, to report progress and ask whether to stop.

    `require_wanted` raises once nobody may have it done any more.
    """

    id: str
    run: Callable[[WorkerProcess, Job], None]
    owner_id: str = ""
    tenant_id: str = ""
    require_wanted: Callable[[], object] = lambda: None
    progress: float = 0.0
    is_cancelled: threading.Event = field(default_factory=threading.Event)

    def report(self, fraction: float) -> None:
        """Progress, 0 to 1; never goes back."""
        self.progress = max(self.progress, min(fraction, 1.0))


class WorkerPool:
    """`n_workers` processes and at most `max_queued` jobs waiting for them."""

    def __init__(
        self,
        n_workers: int,
        max_queued: int,
        shares: Shares | None = None,
        new_process: Callable[[], WorkerProcess] = WorkerProcess,
    ) -> None:
        self._queue: FairQueue[Job] = FairQueue(max_queued, shares or Shares())
        self._jobs: dict[str, Job] = {}
        self._processes = [new_process() for _ in range(n_workers)]
        self._running: dict[str, WorkerProcess] = {}
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(process,), name=f"worker-{i}", daemon=True)
            for i, process in enumerate(self._processes)
        ]

    def start(self) -> None:
        """Start the threads, and with them the processes, which begin to import what they'll need."""
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job, *, enter: Callable[[], None]) -> None:
        """Queue a job; raises RateLimited when the queue or its owner's share is full, Overloaded at shutdown.

        `enter` writes the job down; it is called once the job is sure of its place and before it can start.
        """
        with self._lock:
            self._queue.require_room(job)
            enter()
            self._jobs[job.id] = job
            self._queue.put(job)

    def progress(self, job_id: str) -> float | None:
        """How far a job is; None if it is not here (any more)."""
        job = self._jobs.get(job_id)
        return None if job is None else job.progress

    def jobs(self) -> Sequence[Job]:
        """What waits or runs at this moment."""
        with self._lock:
            return list(self._jobs.values())

    def cancel(self, job_id: str) -> None:
        """Stop a job at once if it runs, or before it starts."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                return
            job.is_cancelled.set()
            process = self._running.get(job_id)
            if process is not None:
                process.halt()

    @property
    def n_waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._queue)

    @property
    def n_running(self) -> int:
        """Jobs being worked on."""
        return len(self._running)

    def check(self) -> str:
        """For readiness: 'ok' as long as a process is alive."""
        return "ok" if any(process.is_alive for process in self._processes) else "no worker process is alive"

    def close(self, drain_s: float) -> None:
        """Take no more jobs, let what runs finish for at most `drain_s`, then end the processes."""
        with self._lock:
            self._queue.close()  # what still waits will not run: its operations are failed, with the reason
        ends_at_s = time.monotonic() + drain_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, ends_at_s - time.monotonic()))
        for process in self._processes:
            process.halt()

    def _work(self, process: WorkerProcess) -> None:
        wait_s = 0.0
        while True:
            if not process.is_alive and not self._queue.is_closed:
                is_revived = self._revive(process)
                wait_s = 0.0 if is_revived else min(_LONGEST_WAIT_S, max(_LOOK_EVERY_S, 2 * wait_s))
            job = self._queue.get(wait_s or _LOOK_EVERY_S)
            if job is not None:
                self._run(job, process)
            elif self._queue.is_closed:
                break
        process.close()  # in this thread, whose end its process would not survive

    def _revive(self, process: WorkerProcess) -> bool:
        """Start the process, also where it ended between two jobs; whether that succeeded."""
        with self._lock:
            if self._queue.is_closed:
                return False
            process.resume()
        try:
            process.warm()
        except Exception:
            logger.exception("a worker could not be started")
            return False
        return True

    def _run(self, job: Job, process: WorkerProcess) -> None:
        with self._lock:
            process.resume()
            self._running[job.id] = process
        try:
            job.run(process, job)
        except Exception:
            logger.exception("job %s broke", job.id)
        finally:
            with self._lock:
                self._running.pop(job.id, None)
                self._jobs.pop(job.id, None)
            self._queue.done(job)
            give_back()
