"""Reports: each format is a pure renderer of a run's result, so that no two of them can disagree."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Protocol

from pynomaly_itest.errors import EvidenceLost
from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.beside import beside
from pynomaly_itest.results import RunResult

__all__ = ["ReportFormat", "write"]


class ReportFormat(Protocol):
    """A report format: one file in this folder, registered under the name that `--report` takes."""

    summary: ClassVar[str]
    """One line for `list` and `--help`."""
    filename: ClassVar[str]
    media: ClassVar[str]

    def render(self, run: RunResult) -> bytes:
        """The whole report; the same run always gives the same bytes."""


def write(run: RunResult, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write the reports named by `formats` into `folder` (made if missing); returns their paths in order.

    Each file appears whole or not at all. Raises UsageError for an unknown format before anything is
    written, and EvidenceLost where a file can't be written; the formats before it are then there.
    """
    chosen: list[ReportFormat] = [REPORTS[name]() for name in dict.fromkeys(formats)]
    run = replace(run, beside=beside(folder))
    return [_write_whole(folder / report.filename, report.render(run)) for report in chosen]


def _write_whole(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise EvidenceLost(
            f"can't write the report {path}: {problem.strerror or problem}",
            hint="the event log is whole: make room or choose another folder, then `pynomaly-itest report`",
        ) from problem
    return path
