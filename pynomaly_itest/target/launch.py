"""How the bundled platform is started, and what of its surroundings must be ours so that it can be broken."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import NotApplicable, UsageError

_CLOCK_FOLDER = Path(__file__).with_name("moved_clock")
_CLOCK_VARIABLE = "ITEST_CLOCK_FILE"
COMMAND_VARIABLE = "PYNOMALY_ITEST_PLATFORM"


@dataclass(frozen=True)
class Launch:
    """serve: the words behind the interpreter that serve the platform; they take what `pynomaly serve` takes.

    needs: of "redis", "database" (something of ours stands before it), "disk" (a small one of its own), "clock"
    (one that can be moved). `seed` decides what such a network leaves to chance.
    """

    serve: tuple[str, ...] = ("-m", "pynomaly", "serve")
    needs: frozenset[str] = frozenset()
    seed: int = 42


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that would make the bundled platform listen elsewhere than on loopback."""
    for name in ("host", "port", "bootstrap_username", "bootstrap_password_file"):
        if name in settings:
            raise UsageError(f"target.settings.{name} is the tool's own to choose for the bundled platform")


def serve_words(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The words that $PYNOMALY_ITEST_PLATFORM says, so that another build can be put to the test; else the usual.

    Raises UsageError where they can't be read.
    """
    said = environment.get(COMMAND_VARIABLE, "").strip()
    try:
        return tuple(shlex.split(said)) if said else Launch().serve
    except ValueError as problem:
        raise UsageError(
            f"${COMMAND_VARIABLE}: {problem}", hint="it is split into words as a shell does"
        ) from problem


def moved_clock(file: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """`inherited`, with what gives a Python process, and those it starts, the clock that `file` moves."""
    set_clock(file, 0.0)
    path = [str(_CLOCK_FOLDER), *filter(None, [inherited.get("PYTHONPATH")])]
    return {**inherited, "PYTHONPATH": os.pathsep.join(path), _CLOCK_VARIABLE: str(file)}


def set_clock(file: Path, by_s: float) -> None:
    """Let the clock that `file` moves be off by so many seconds; who reads it meanwhile reads the old or the new."""
    new = file.with_name(file.name + ".new")
    new.write_text(str(by_s))
    new.replace(file)


def move_clock(file: Path, by_s: float) -> None:
    """`set_clock`; raises NotApplicable where no process has taken up the clock that `file` moves."""
    if not file.with_name(file.name + ".ready").exists():
        raise NotApplicable("the platform's Python takes no sitecustomize, so that its clock can't be moved")
    set_clock(file, by_s)
