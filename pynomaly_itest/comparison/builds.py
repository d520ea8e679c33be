"""Builds of the platform from where a user has them: a commit, a wheel, a folder, an environment of its own.

Only the platform's own package is taken from a commit or a wheel; what it needs is that of the interpreter, so
that nothing is downloaded. Unpacked builds are kept in the user's cache, by their content.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from pynomaly_itest.errors import UsageError
from pynomaly_itest.target.build import PACKAGE, Build, git, installed_build

_PATIENCE_S = 60


def installed(python: str) -> Build:
    """What is installed beside the tool."""
    return Build(python=python, name=installed_build() or "installed")


def from_git(ref: str, repository: Path, python: str) -> Build | None:
    """The platform at a commit; None where `ref` is none of the repository's.

    Raises UsageError where that commit has no platform.
    """
    if ref.startswith("-"):
        return None
    commit = git(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    top = git(repository, "rev-parse", "--show-toplevel")
    if not commit or not top:
        return None

    def unpack(folder: Path) -> None:
        done = subprocess.run(  # noqa: S603 - a commit's name of 40 digits
            ["git", "-C", top, "archive", "--format=tar", commit, PACKAGE],  # noqa: S607 - the user's own git
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        if done.returncode != 0:
            raise UsageError(f"commit {commit[:12]} ({ref}) has no folder {PACKAGE}/")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")

    source = _kept(f"git-{commit}", unpack)
    return Build(python=python, source=source, name=f"git {commit[:12]}")


def from_wheel(path: Path, python: str) -> Build:
    """The platform in a wheel; raises UsageError where the file can't be read, or holds none."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as problem:
        raise UsageError(f"can't read the wheel {path}: {problem.strerror}") from problem

    def unpack(folder: Path) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.startswith(f"{PACKAGE}/")]
                archive.extractall(folder, names)  # noqa: S202 - zipfile keeps every name inside the folder
        except (zipfile.BadZipFile, OSError) as problem:
            raise UsageError(f"{path} is no wheel: {problem}") from problem
        if not names:
            raise UsageError(f"the wheel {path} has no folder {PACKAGE}/")

    return Build(python=python, source=_kept(f"wheel-{digest}", unpack), name=f"wheel {path.name} {digest}")


def from_folder(folder: Path, python: str) -> Build:
    """The platform as it lies in a checkout, with whatever was changed there."""
    commit = git(folder, "rev-parse", "--verify", "HEAD")
    changes = git(folder, "status", "--porcelain", "--", PACKAGE)
    name = f"folder {folder.name}" if not commit else f"git {commit[:12]}" + (", changed" if changes else "")
    return Build(python=python, source=folder.resolve(), name=name)


def from_environment(folder: Path) -> Build:
    """The platform that is installed in a virtual environment."""
    python = folder.absolute() / "bin" / "python"
    if not python.exists():
        raise UsageError(f"{folder} is a virtual environment without bin/python")
    return Build(python=str(python), name=f"environment {folder.name}")


def check_importable(build: Build) -> None:
    """Make sure that it is this build's code that runs, and nothing that is installed elsewhere.

    Raises UsageError where the interpreter can't import the platform, or finds another one.
    """
    probe = f"import {PACKAGE}; print({PACKAGE}.__file__)"
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user chose
            [build.python, "-P", "-c", probe],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            cwd="/",
            env=build.environment(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UsageError(f"the interpreter {build.python} does not start: {problem}") from problem
    found = done.stdout.strip()
    if done.returncode != 0 or not found:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(f"{build.name}: {build.python} can't import {PACKAGE}: {last}")
    if build.source is not None and not Path(found).resolve().is_relative_to(build.source.resolve()):
        raise UsageError(f"{build.name}: {build.python} imports {found}, not {build.source}")


def cache_folder() -> Path:
    """Where unpacked builds are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pynomaly-itest" / "builds"


def _kept(name: str, unpack: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache; unpacked beside it first, so that half a build is never found."""
    wanted = cache_folder() / name
    if wanted.is_dir():
        return wanted
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=wanted.parent))
    except OSError as problem:
        raise UsageError(
            f"can't make {wanted.parent}: {problem.strerror}", hint="$XDG_CACHE_HOME names another place"
        ) from problem
    try:
        unpack(fresh)
        fresh.rename(wanted)
    except OSError as problem:
        if not wanted.is_dir():  # somebody else unpacked it meanwhile
            raise UsageError(f"can't keep the build in {wanted}: {problem.strerror}") from problem
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return wanted
