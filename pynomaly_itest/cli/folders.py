"""Where a new run is written (a folder each), and where baselines are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pynomaly_itest.errors import UsageError

BASELINES = Path("baselines")
_LONGEST_NAME = 60


def make_folder(out: Path, profile: str) -> Path:
    """A new folder for this run, `<out>/<UTC time>-<profile>`; raises UsageError where it can't be made."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    safe = "".join(ch if ch.isalnum() or ch in "-_" else "-" for ch in profile)[:_LONGEST_NAME]
    for attempt in range(1, 1000):
        folder = out / (f"{stamp}-{safe}" if attempt == 1 else f"{stamp}-{safe}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError as problem:
            if not out.is_dir():
                raise UsageError(f"--out: {out} is not a folder") from problem
            continue
        except OSError as problem:
            raise UsageError(
                f"--out: can't make {folder}: {problem.strerror}", hint="choose another folder with --out"
            ) from problem
        return folder
    raise UsageError(f"--out: no free name for a run's folder in {out}")
