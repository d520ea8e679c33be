"""The disk that the platform keeps everything on is full, and then is not any more."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.faulting.fault import LastingFault, Site
from pynomaly_itest.registry import FAULTS

_PIECE = b"\0" * (1 << 20)
_MOST_PIECES = 4096


@FAULTS.register("disk_full")
class DiskFull(LastingFault):
    """The platform has a small disk of its own, in memory; a file of ours fills it, and is removed again."""

    summary: ClassVar[str] = "the platform's disk is full for a while"
    needs: ClassVar[frozenset[str]] = frozenset({"disk"})

    def check(self, site: Site) -> None:
        site.target.small_disk()

    async def begin(self, site: Site) -> None:
        ballast = site.target.small_disk() / "ballast"
        site.undo.callback(ballast.unlink, missing_ok=True)
        site.notes.append(f"filled with {_fill(ballast) >> 20} MB")


def _fill(path: Path) -> int:
    """Write until nothing more fits, in ever smaller pieces; returns the bytes. Raises CannotMeasure."""
    written, piece = 0, _PIECE
    with path.open("wb", buffering=0) as file:
        for _ in range(_MOST_PIECES):
            try:
                written += file.write(piece)
            except OSError as problem:
                if problem.errno != errno.ENOSPC:
                    raise CannotMeasure(f"the disk could not be filled: {problem.strerror}") from problem
                if len(piece) == 1:
                    return written
                piece = piece[: len(piece) // 16]
    raise CannotMeasure("the disk could not be filled: it is too large")
