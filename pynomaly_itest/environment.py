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
    commit = _commit(Path.cwd())
    if commit:
        facts["commit"] = commit
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


def _commit(folder: Path) -> str | None:
    """The commit that is checked out at or above `folder`, read from git's own files: no process is started."""
    for parent in (folder, *folder.parents):
        head = parent / ".git" / "HEAD"
        if not head.is_file():
            continue
        text = head.read_text().strip()
        if not text.startswith("ref: "):
            return text[:12]
        name = text.removeprefix("ref: ")
        loose = parent / ".git" / name
        if loose.is_file():
            return f"{loose.read_text().strip()[:12]} ({name.rpartition('/')[2]})"
        return None
    return None
