"""`pynomaly-itest validate FILE …`: every mistake at once, each with its line and a caret; again on every change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_itest.cli import flags
from pynomaly_itest.cli.completion import profiles as known_profiles
from pynomaly_itest.errors import ExitCode, Mistake, UsageError
from pynomaly_itest.plain import screen_width

if TYPE_CHECKING:
    from pynomaly_itest.profile.overrides import Overrides

_LOOKED_AT = (".yaml", ".yml", ".py")
_EVERY_S = 0.5

Snapshot = dict[Path, tuple[int, int]]
"""Each file's time of change and size."""


def validate(
    profiles: Annotated[
        list[str],
        typer.Argument(metavar="FILE|NAME …", help="Profiles to check.", autocompletion=known_profiles),
    ],
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again whenever a file beside them changes, until Ctrl-C.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="A warning is an error: exit 2 where there is one.")
    ] = False,
    dataset: flags.Datasets = None,
    data_dir: flags.DataDir = None,
) -> None:
    """Check profiles without running anything."""
    from pynomaly_itest.profile.overrides import Overrides

    overrides = Overrides(datasets=tuple(dataset or ()), data_dir=data_dir)
    if not watch:
        raise typer.Exit(_check(profiles, overrides, strict=strict))
    from pynomaly_itest.cli.stopping import Stop

    with Stop() as stop:
        raise typer.Exit(
            keep_checking(
                lambda: _check_on_screen(profiles, overrides, strict),
                lambda: snapshot(profiles),
                stop.wait,
            )
        )


def keep_checking(
    check: Callable[[], ExitCode], look: Callable[[], Snapshot], wait: Callable[[float], bool]
) -> ExitCode:
    """Check now, and whenever what `look` sees is not what it was; `wait` tells when to stop.

    Returns what the last check said.
    """
    while True:
        seen = look()
        code = check()
        while look() == seen:
            if wait(_EVERY_S):
                return code


def snapshot(profiles: list[str]) -> Snapshot:
    """The profiles' files and what lies beside them: lists that they include, workflows in Python."""
    seen: Snapshot = {}
    for file in _files_of(profiles):
        try:
            about = [file, *(each for each in file.parent.iterdir() if each.suffix in _LOOKED_AT)]
        except OSError:
            about = [file]
        for path in about:
            try:
                state = path.stat()
            except OSError:
                continue
            seen[path] = (state.st_mtime_ns, state.st_size)
    return seen


def _files_of(profiles: list[str]) -> list[Path]:
    from pynomaly_itest.profile.finder import profile_folders

    found = []
    for name in profiles:
        try:
            found.append(profile_folders().find(name))
        except UsageError:  # it may yet be written
            continue
    return found


def _check_on_screen(profiles: list[str], overrides: Overrides, strict: bool) -> ExitCode:
    """One check of many: a terminal shows only the newest; elsewhere each begins with the time."""
    import sys
    from datetime import datetime

    if sys.stdout.isatty():
        typer.echo("\x1b[2J\x1b[H", nl=False)
    typer.echo(f"{datetime.now().astimezone():%H:%M:%S}  checking {', '.join(profiles)}; Ctrl-C ends it")
    try:
        return _check(profiles, overrides, strict=strict)
    except UsageError as problem:
        typer.echo(f"error: {problem.message}\n  hint: {problem.hint}", err=True)
        return problem.exit_code


def _check(profiles: list[str], overrides: Overrides, *, strict: bool) -> ExitCode:
    from pynomaly_itest.profile.loader import examine

    examined = examine(profiles, overrides=overrides)
    if examined.mistakes:
        _tell(examined.mistakes, "mistake")
        return ExitCode.USAGE
    from pynomaly_itest.foresight import warnings

    found = [warning for plan in examined.plans for warning in warnings(plan)]
    if found:
        _tell(found, "warning")
        if strict:
            return ExitCode.USAGE
    typer.echo(f"valid: {', '.join(profiles)}")
    return ExitCode.PASSED


def _tell(mistakes: Sequence[Mistake], noun: str) -> None:
    for mistake in mistakes:
        typer.echo(mistake.render(screen_width()) + "\n", err=True)
    typer.echo(f"{len(mistakes)} {noun}{'s' if len(mistakes) != 1 else ''}", err=True)
