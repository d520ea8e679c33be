"""What machine and versions a run was made with: figures without these say little."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

_PACKAGES = ("numpy", "scikit-learn", "pyod", "httpx", "pydantic")


def describe_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Facts by name, none of them secret: no user, no path, no variable's value but the CI's name."""
    facts = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "load average": " ".join(f"{load:.2f}" for load in psutil.getloadavg()),
        "packages": ", ".join(_versions()),
    }
    commit = commit_at(Path.cwd())
    if commit:
        facts["commit"] = commit
    if environment.get("PYNOMALY_ITEST_PLATFORM"):
        facts["bundled platform"] = "started by $PYNOMALY_ITEST_PLATFORM"
    for name, label in (
        ("GITHUB_ACTIONS", "GitHub Actions"),
        ("GITLAB_CI", "GitLab CI"),
        ("JENKINS_URL", "Jenkins"),
    ):
        if environment.get(name):
            facts["ci"] = label
    return facts


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit_at(folder: Path) -> str | None:
    """The commit that is checked out at or above `folder`, with its branch where it is on one.

    Read from git's own files: no process is started. None outside of a checkout, and where nothing is committed yet.
    """
    for parent in (folder, *folder.parents):
        git = _git_folder(parent / ".git")
        if git is None:
            continue
        head = _text(git / "HEAD")
        if not head.startswith("ref: "):
            return head[:_SHOWN_DIGITS] or None
        name = head.removeprefix("ref: ")
        found = _resolved(git, name)
        return found and f"{found[:_SHOWN_DIGITS]} ({name.removeprefix('refs/heads/')})"
    return None


_SHOWN_DIGITS = 12


def _git_folder(path: Path) -> Path | None:
    """Where git keeps its files: `.git` itself, or the folder that a worktree's or a submodule's `.git` names."""
    if path.is_dir():
        return path
    text = _text(path)
    return (path.parent / text.removeprefix("gitdir: ")) if text.startswith("gitdir: ") else None


def _resolved(git: Path, name: str) -> str | None:
    """What a reference stands for: in a file of its own, or among the packed ones; a worktree has the repository's."""
    common = git / (_text(git / "commondir") or ".")
    for folder in (git, common):
        if loose := _text(folder / name):
            return loose
    for line in _text(common / "packed-refs").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name:
            return commit
    return None


def _text(path: Path) -> str:
    """What the file says; nothing where it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
