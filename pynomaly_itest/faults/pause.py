"""The server stands still for a while, as a virtual machine that is moved, or one that swaps, does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS

if TYPE_CHECKING:
    import psutil


@FAULTS.register("pause")
class Pause(LastingFault):
    """SIGSTOP for the server and its workers, and SIGCONT when the time is over, whatever happens meanwhile."""

    summary: ClassVar[str] = "the server and its workers stand still (SIGSTOP … SIGCONT)"

    async def begin(self, site: Site) -> None:
        import psutil

        root = psutil.Process(site.root)
        for process in (root, *root.children(recursive=True)):
            site.undo.callback(_go_on, process)
            process.suspend()
        site.notes.append(f"SIGSTOP for {self.lasts_s:g} s")


def _go_on(process: psutil.Process) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()
