"""`--keep N`: of a loop's runs the newest stay. Only what a loop of this user's made is ever removed."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from pynomaly_itest.cli.rounds import Round
from pynomaly_itest.history.latest import LOG
from pynomaly_itest.provenance import why_foreign

_MARK = ".round"
"""In each folder that a round made; its text is the profile's name."""
_STAMP = len("20260131T235959Z")


class Retention:
    """Marks the folder of each round, and removes this profile's oldest marked ones beyond `keep`."""

    def __init__(self, out: Path, profile: str, keep: int) -> None:
        self._out = out
        self._profile = profile
        self._keep = keep
        self._made: set[Path] = set()  # also where there is no key to sign runs with

    def __call__(self, done: Round) -> None:
        if done.ended is None:
            return
        self._made.add(done.ended.folder.resolve())
        with contextlib.suppress(OSError):  # a full disk is no reason to stop looking at the target
            (done.ended.folder / _MARK).write_text(self._profile)
        for folder in self._marked()[: -self._keep]:
            if self._is_own(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def _marked(self) -> list[Path]:
        """This profile's rounds, oldest first: a folder's name begins with the time; of one second, the longer is
        the later."""
        try:
            folders = list(self._out.iterdir())
        except OSError:
            return []
        ours = [each for each in folders if not each.is_symlink() and self._is_marked(each / _MARK)]
        return sorted(ours, key=lambda each: (each.name[:_STAMP], len(each.name), each.name))

    def _is_marked(self, mark: Path) -> bool:
        try:
            return not mark.is_symlink() and mark.is_file() and mark.read_text() == self._profile
        except OSError:
            return False

    def _is_own(self, folder: Path) -> bool:
        """Whether this loop made the folder, or an earlier one of this user's: a mark can be put anywhere."""
        try:
            return folder.resolve() in self._made or why_foreign(folder / LOG) is None
        except OSError:
            return False
