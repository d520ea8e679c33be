"""How the bundled platform is started, and what of its surroundings must be ours so that it can be broken."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

from pynomaly_itest.errors import UsageError

_CLOCK_LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
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


def clock_library() -> str | None:
    """libfaketime, which shows a process another time than the machine's; None where it isn't installed."""
    found = [path for pattern in _CLOCK_LIBRARIES for path in glob(pattern)]
    return found[0] if found else None


def clock_environment(file: Path) -> dict[str, str]:
    """Variables that give a process the clock in `file`, read anew each time; its monotonic clock stays right."""
    library = clock_library()
    if library is None:
        return {}
    file.write_text("+0")
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else each wait of a thread for another takes longer, and some hang
        "FAKETIME_DONT_RESET": "1",
    }
