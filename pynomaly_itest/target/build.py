"""Which code the bundled platform is started from: what is installed beside the tool, or another build of it."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "pynomaly"
_GIT_PATIENCE_S = 20


@dataclass(frozen=True)
class Build:
    """A build of the platform.

    python: the interpreter. source: a folder that holds the package, put before what is installed; None: what the
    interpreter has. data: a data folder to begin with, copied. name: what to call the code; None: find it out.
    """

    python: str = sys.executable
    source: Path | None = None
    data: Path | None = None
    name: str | None = None

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """`inherited`, with the source in front of every other place that Python imports from."""
        if self.source is None:
            return dict(inherited)
        path = [str(self.source), *filter(None, [inherited.get("PYTHONPATH")])]
        return {**inherited, "PYTHONPATH": os.pathsep.join(path)}

    def description(self) -> str | None:
        """The build's name for the record; None where nothing is known of it."""
        if self.name is not None:
            return self.name
        return installed_build() if self.source is None and self.python == sys.executable else None


@functools.cache
def installed_build() -> str | None:
    """Which platform is installed beside the tool: its commit where it is a checkout's, else its version.

    "git 1a2b3c4d5e6f", "git 1a2b3c4d5e6f, changed" (there are changes that no commit has), "version 0.1.0".
    """
    folder = installed_folder()
    if folder is None:
        return None
    commit = git(folder, "rev-parse", "--verify", "HEAD")
    if commit and git(folder, "ls-files", "--", "__init__.py"):
        changes = git(folder, "status", "--porcelain", "--", ".")
        return f"git {commit[:12]}" + (", changed" if changes or changes is None else "")
    try:
        return f"version {version('pynomaly-itest')}"
    except PackageNotFoundError:
        return None


def installed_folder() -> Path | None:
    """Where the package of the installed platform lies."""
    spec = find_spec(PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def git(folder: Path, *words: str) -> str | None:
    """What git says of a folder, or None where it says no (no repository, no such commit, no git)."""
    try:
        done = subprocess.run(  # noqa: S603 - no word of it is a command
            ["git", "-C", str(folder), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=_GIT_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
