"""What a CI server is told without being asked: in GitHub Actions, annotations and the step's summary."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pynomaly_itest.cli.console import whoever_listens

if TYPE_CHECKING:
    from pynomaly_itest.results import RunResult

_LARGEST_SUMMARY = 1 << 20
"""GitHub refuses a step's summary that is larger."""


@contextmanager
def commands_stopped(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """In GitHub Actions, no line that is printed inside is taken for a workflow command: a target could write one."""
    if environment.get("GITHUB_ACTIONS") != "true":
        yield
        return
    token = secrets.token_hex(16)
    with whoever_listens():
        typer.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        with whoever_listens():
            typer.echo(f"::{token}::")


def tell_github(run: RunResult, environment: Mapping[str, str] = os.environ) -> None:
    """In GitHub Actions: the ten worst as annotations, and the markdown report as the step's summary."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    from pynomaly_itest.registry import REPORTS
    from pynomaly_itest.report.describe import describe
    from pynomaly_itest.report.github import workflow_commands

    for line in workflow_commands(describe(run), _below_root(environment)):
        typer.echo(line)
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(Path(summary), REPORTS["markdown"]().render(run))


def _below_root(environment: Mapping[str, str]) -> str:
    """The working directory as seen from the checkout's root; nothing where it is not below it."""
    root = environment.get("GITHUB_WORKSPACE")
    if not root:
        return ""
    try:
        return str(Path.cwd().relative_to(Path(root).resolve()))
    except ValueError:
        return ""


def _append(path: Path, text: bytes) -> None:
    """Add to the summary, unless it would grow beyond what GitHub takes; a summary is no evidence, so its loss is
    a warning."""
    try:
        size = path.stat().st_size if path.exists() else 0
        if size + len(text) > _LARGEST_SUMMARY:
            typer.echo("the step's summary is full: the run's is not added to it", err=True)
            return
        with path.open("ab") as file:
            file.write(text)
    except OSError as problem:
        typer.echo(f"can't write the step's summary: {problem.strerror}", err=True)
