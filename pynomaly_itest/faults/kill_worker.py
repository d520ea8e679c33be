"""A worker dies in the midst of its work; the server has to notice, say so, and get another one."""

from __future__ import annotations

from typing import ClassVar

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import Fault, Site
from pynomaly_itest.registry import FAULTS


@FAULTS.register("kill_worker")
class KillWorker(Fault):
    """SIGKILL for the server's worker processes, the server itself being left alone."""

    summary: ClassVar[str] = "kill -9 of the worker processes that train and detect"

    async def begin(self, site: Site) -> None:
        import psutil

        workers = psutil.Process(site.root).children(recursive=True)
        if not workers:
            raise CannotMeasure("the server has no worker process that could be killed")
        for worker in workers:
            worker.kill()
        site.notes.append(f"SIGKILL for {len(workers)} worker process{'' if len(workers) == 1 else 'es'}")
