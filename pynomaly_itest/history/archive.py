"""A folder of runs: found, read once, read again where a log has grown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pynomaly_itest.errors import UsageError
from pynomaly_itest.eventlog import is_being_written
from pynomaly_itest.events import read_log
from pynomaly_itest.history.latest import LATEST, LOG, started_at
from pynomaly_itest.history.past import PastRun, past_run
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.results import fold


@dataclass(frozen=True)
class Unreadable:
    """A folder with a log that can't be read, and why: it is shown, not passed over."""

    name: str
    why: str


@dataclass(frozen=True)
class Holdings:
    """What a folder holds: runs, oldest first; how many older ones were not read."""

    runs: tuple[PastRun, ...]
    unreadable: tuple[Unreadable, ...] = ()
    left_out: int = 0

    def run(self, name: str) -> PastRun | None:
        """The run whose folder has this name."""
        return next((run for run in self.runs if run.name == name), None)


@dataclass
class Archive:
    """The newest `most` runs below `folder`. What was read stays read until its log changes."""

    folder: Path
    most: int = 50
    _read: dict[Path, tuple[tuple[int, int, bool], PastRun | Unreadable]] = field(default_factory=dict)

    def look(self) -> Holdings:
        """The runs as they are now; raises UsageError where there is no such folder."""
        if not self.folder.is_dir():
            raise UsageError(f"no folder {self.folder}", hint="name a folder of runs, such as reports")
        if (self.folder / LOG).is_file():
            hint = f"name the folder it lies in: {self.folder.resolve().parent}"
            raise UsageError(f"{self.folder} is one run, not a folder of runs", hint=hint)
        found = sorted(self._folders(), key=_begun)
        newest = found[-self.most :]
        seen = [one for folder in newest if (one := self._one(folder)) is not None]
        runs = [one for one in seen if isinstance(one, PastRun)]
        bad = tuple(one for one in seen if isinstance(one, Unreadable))
        return Holdings(tuple(runs), bad, len(found) - len(newest))

    def _folders(self) -> list[Path]:
        """Folders with a log. Links are passed over: `latest` is another's second name."""
        with os.scandir(self.folder) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        return [folder for folder in folders if (folder / LOG).is_file() and not (folder / LOG).is_symlink()]

    def _one(self, folder: Path) -> PastRun | Unreadable | None:
        log = folder / LOG
        try:
            state = log.stat()
            running = is_being_written(log)
        except FileNotFoundError:
            return None  # removed meanwhile
        except OSError as problem:
            return Unreadable(one_line(folder.name), problem.strerror or str(problem))
        mark = (state.st_mtime_ns, state.st_size, running)
        known = self._read.get(folder)
        if known is None or known[0] != mark:
            self._read[folder] = (mark, _load(folder, running=running))
        return self._read[folder][1]


def _begun(folder: Path) -> str:
    """What puts folders in the order in which their runs began: the time that their names begin with.

    `latest` is usually a link, and passed over; a copy of it is as old as the run that it is a copy of.
    """
    return f"{started_at(folder):%Y%m%dT%H%M%SZ}" if folder.name == LATEST else folder.name


def _load(folder: Path, *, running: bool) -> PastRun | Unreadable:
    try:
        return past_run(fold(read_log(folder / LOG)), folder, running=running)
    except UsageError as problem:
        return Unreadable(one_line(folder.name), one_line(problem.message))
