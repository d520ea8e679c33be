"""How far steps are, for the page of a run in progress: a small file beside the log, gone when the run ends.

It is no evidence: what can't be written is left out, and nothing but that page reads it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pynomaly_itest.events import ScenarioFinished, StepFinished
from pynomaly_itest.report.untrusted import one_line

NAME = ".progress.json"
_EVERY_S = 0.5
_LARGEST = 1 << 16


class ProgressFile:
    """Listens to a run and keeps the last word of each scenario under way, written at most twice a second."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = folder / NAME
        self._clock = clock
        self._written_at = -_EVERY_S
        self._texts: dict[str, str] = {}

    def heard(self, event: Any) -> None:
        if isinstance(event, StepFinished | ScenarioFinished):
            self._texts.pop(event.scenario, None)

    def progress(self, scenario: str, text: str) -> None:
        self._texts[scenario] = text
        now = self._clock()
        if now - self._written_at < _EVERY_S:
            return
        self._written_at = now
        fresh = self._path.with_suffix(".new")
        with suppress(OSError):
            fresh.write_text(json.dumps(self._texts), encoding="utf-8")
            fresh.replace(self._path)

    def close(self) -> None:
        """The run is over: there is no progress any more."""
        for path in (self._path, self._path.with_suffix(".new")):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def progress_of(folder: Path) -> dict[str, str]:
    """The last word of each scenario, clean; nothing where there is no such file, or not one of ours."""
    try:
        with (folder / NAME).open("rb") as file:
            loaded = json.loads(file.read(_LARGEST))
    except (OSError, ValueError):
        return {}
    if not isinstance(loaded, dict):
        return {}
    return {one_line(str(name)): one_line(str(text), 200) for name, text in loaded.items()}
