"""The newest run of a folder: the link `latest` to it, and the check that what stands there is the newest indeed."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from pynomaly_itest.errors import UsageError
from pynomaly_itest.events import RunStarted, decode

LATEST = "latest"
LOG = "run.jsonl"


def point_latest(out: Path, folder: Path) -> str | None:
    """Let `<out>/latest` point at `folder`; why it could not, as a sentence, where something else stands there.

    What artifact stores and caches make of the link is a folder, with an old run in it: it is not removed, and told.
    """
    link, fresh = out / LATEST, out / f".{LATEST}-{os.getpid()}"
    try:
        fresh.symlink_to(folder.name)
        fresh.replace(link)
    except OSError:
        fresh.unlink(missing_ok=True)
        if link.is_symlink() or link.exists():
            return (
                f"{link} can't be made to point at this run, and is not it: "
                f"read {folder}, and remove {link} (is it a copy of an older run?)"
            )
    return None  # nothing stands there: a file system without links


def run_folder(run: Path) -> Path:
    """The folder of a run that is named by itself or by its log.

    Raises UsageError where there is no run, or where `latest` is a folder that a newer run lies beside.
    """
    folder = run.parent if run.name == LOG else run
    if not (folder / LOG).is_file():
        raise UsageError(f"no run at {run}", hint="name a folder below reports/, such as reports/latest")
    if folder.name == LATEST and not folder.is_symlink():
        newest = newest_run(folder.parent)
        if newest is not None and started_at(newest) > started_at(folder):
            raise UsageError(
                f"{folder} is not the newest run: it is a folder of its own instead of a link, and {newest} is newer",
                hint=f"name {newest}, or remove {folder}",
            )
    return folder.resolve()


def newest_run(out: Path) -> Path | None:
    """The run in `out` that began last, by its log; links and `latest` are passed over."""
    with os.scandir(out) as entries:
        folders = [
            Path(one.path) for one in entries if one.name != LATEST and one.is_dir(follow_symlinks=False)
        ]
    return max((each for each in folders if (each / LOG).is_file()), key=started_at, default=None)


def started_at(folder: Path) -> datetime:
    """When the run in `folder` began; the beginning of time for a log that doesn't tell."""
    try:
        with (folder / LOG).open("rb") as log:
            first = decode(log.readline())
        found = datetime.fromisoformat(first.started_at) if isinstance(first, RunStarted) else None
    except (OSError, ValidationError, ValueError):
        found = None
    return found if found is not None and found.tzinfo is not None else _NEVER


_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
