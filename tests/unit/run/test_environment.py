"""The commit that was checked out where a run was started, in every way in which git keeps it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pynomaly_itest.environment import commit_at

_WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],  # noqa: S607 - whichever git there is
        cwd=folder,
        env={**os.environ, **_WHO},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "feature/one")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    (folder / "deep" / "er").mkdir(parents=True)
    return folder


def test_a_branch(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")[:12]
    assert commit_at(checkout) == f"{commit} (feature/one)"
    assert commit_at(checkout / "deep" / "er") == f"{commit} (feature/one)"


def test_packed_references(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")[:12]
    git(checkout, "pack-refs", "--all")
    assert commit_at(checkout) == f"{commit} (feature/one)"


def test_a_detached_head(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    git(checkout, "checkout", "-q", "--detach")
    assert commit_at(checkout) == commit[:12]


def test_a_worktree(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "-q", "-b", "two", str(tmp_path / "tree"))
    commit = git(checkout, "rev-parse", "HEAD")[:12]
    assert commit_at(tmp_path / "tree") == f"{commit} (two)"


def test_where_there_is_none(tmp_path: Path) -> None:
    assert commit_at(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert commit_at(tmp_path) is None
