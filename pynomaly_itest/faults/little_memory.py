"""The server gets hardly any more memory."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.faulting.limits import check_limits, lower
from pynomaly_itest.registry import FAULTS


@FAULTS.register("little_memory")
class LittleMemory(LastingFault):
    """The server's data may grow by only a few megabytes: what needs more must be refused, and not crash it.

    Predictions of ever more rows are asked for until one is refused, so that the limit is surely felt.
    """

    summary: ClassVar[str] = "the server gets no more memory (prlimit)"
    hungry_rows: ClassVar[tuple[int, ...]] = (100_000, 200_000, 400_000, 800_000)

    left_mb: float = Field(16.0, ge=0, le=64, description="by how many megabytes its data may still grow")

    def check(self, site: Site) -> None:
        super().check(site)
        check_limits()

    async def begin(self, site: Site) -> None:
        import psutil

        server = psutil.Process(site.root)
        limit = _data_bytes(server.pid) + int(self.left_mb * 2**20)
        lower(site, server, psutil.RLIMIT_DATA, limit)
        site.notes.append(f"at most {limit >> 20} MB of data")


def _data_bytes(pid: int) -> int:
    """What counts towards that limit: memory that may be written, without what is merely reserved."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmData:"):
            return 1024 * int(line.split()[1])
    raise CannotMeasure("this system does not tell how much memory the server has")
