"""Finds profiles: by name in ./profiles, then among those that come with the tool, or as a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pynomaly_itest
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import did_you_mean

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class ProfileFolders:
    """Where named profiles are looked for, in this order."""

    folders: tuple[Path, ...]

    def available(self) -> dict[str, Path]:
        """Every profile that can be named, and its file; an earlier folder hides a later one's."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for file in _listed(folder):
                if file.suffix in _SUFFIXES and is_there(file):
                    found.setdefault(file.stem, file)
        return found

    def find(self, name_or_file: str) -> Path:
        """The file that `-p` means. Raises UsageError for a name that no profile has."""
        if "\0" in name_or_file:
            raise UsageError(f"no file can be called {name_or_file!r}")
        if is_file_name(name_or_file):
            return Path(name_or_file)
        found = self.named(name_or_file)
        if found is not None:
            return found
        if is_there(Path(name_or_file)):
            return Path(name_or_file)
        raise UsageError(
            f"there is no profile {name_or_file!r}", hint=did_you_mean(name_or_file, self.available())
        )

    def named(self, name: str) -> Path | None:
        """The profile of that name in the first folder that has one; None where none has."""
        return next(iter(self.all_named(name)), None)

    def all_named(self, name: str) -> list[Path]:
        """Every profile of that name, the one that is taken first."""
        files = [folder / f"{name}{suffix}" for folder in self.folders for suffix in _SUFFIXES]
        return [file for file in files if is_there(file)]


def hiding(files: Iterable[Path], folders: ProfileFolders) -> list[str]:
    """For each of these profiles that hides another of its name, which the tool brings, a sentence."""
    said = []
    for file in files:
        named = folders.all_named(file.stem)
        hidden = next((other for other in named[1:] if not _is_same(named[0], other)), None)
        if hidden is not None and _is_same(named[0], file):
            said.append(f"{shown(file)} is used; it hides the profile {file.stem!r} that the tool brings")
    return said


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def profile_folders(working_folder: Path | None = None) -> ProfileFolders:
    """./profiles, then the wheel's own, then (in a checkout) the repository's."""
    package = Path(pynomaly_itest.__file__).resolve().parent
    own = (package / "_data" / "profiles", package.parent / "profiles")
    return ProfileFolders(((working_folder or Path.cwd()) / "profiles", *own))


def is_file_name(text: str) -> bool:
    """Whether `-p` and `extends` take this as a path rather than a name."""
    return "/" in text or "\\" in text or text.endswith(_SUFFIXES)


def is_there(path: Path) -> bool:
    """Whether the file is there; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def inside(folder: Path, relative: str) -> Path | None:
    """The file that a profile in `folder` means by this path; None where it would lead out of the folder."""
    try:
        root = folder.resolve()
        path = (root / relative).resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return path if path.is_relative_to(root) else None


def shown(path: Path) -> str:
    """The path as messages say it: relative to the working folder where it lies in it."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle
        return str(path)
