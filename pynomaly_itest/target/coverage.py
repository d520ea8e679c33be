"""Which lines of the bundled platform a run exercised: coverage.py in the platform's own processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pynomaly_itest.errors import CannotMeasure, UsageError

_FORMATS = ("xml", "html")
_PATIENCE_S = 120


@dataclass(frozen=True)
class Coverage:
    """`folder` takes the data and the reports. Processes that are killed leave no data."""

    folder: Path
    formats: tuple[str, ...]

    @property
    def settings_file(self) -> Path:
        """What coverage.py is told."""
        return self.folder / "coveragerc"

    def prepare(self) -> None:
        """Write the settings; raises UsageError where coverage.py is not installed."""
        if find_spec("coverage") is None:
            raise UsageError("--coverage needs coverage.py", hint="pip install 'pynomaly-itest[coverage]'")
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            "[run]",
            f"data_file = {self.folder / 'data'}",
            "source_pkgs = pynomaly",
            "parallel = true",
            "sigterm = true",
            "concurrency = thread",
            "patch = subprocess",
        ]
        self.settings_file.write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        """What stands between the interpreter and `-m pynomaly`."""
        return ["-m", "coverage", "run", f"--rcfile={self.settings_file}"]

    def report(self) -> float:
        """Put the processes' data together and write the reports; the share of lines that ran, from 0 to 1.

        Raises CannotMeasure where no process left any.
        """
        self._coverage("combine", "--quiet")
        if "xml" in self.formats:
            self._coverage("xml", "--quiet", "-o", str(self.folder / "coverage.xml"))
        if "html" in self.formats:
            self._coverage("html", "--quiet", "-d", str(self.folder / "html"))
        return float(self._coverage("report", "--format=total", "--precision=2")) / 100

    def _coverage(self, *words: str) -> str:
        command = [
            sys.executable,
            "-P",
            "-m",
            "coverage",
            words[0],
            f"--rcfile={self.settings_file}",
            *words[1:],
        ]
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, capture_output=True, text=True, timeout=_PATIENCE_S, cwd=self.folder, check=False
        )
        if done.returncode != 0:
            raise CannotMeasure(f"coverage {words[0]}: {(done.stdout + done.stderr).strip()[-300:]}")
        return done.stdout.strip()


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats of `--coverage xml,html`; raises UsageError for an unknown one."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in _FORMATS:
            raise UsageError(f"--coverage has no format {name!r}", hint=f"known are {', '.join(_FORMATS)}")
    if not names:
        raise UsageError("--coverage needs a format", hint="--coverage xml,html")
    return names
