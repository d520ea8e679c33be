"""The command line: a file a command. Each parses, calls, and turns the outcome into an exit code."""

from __future__ import annotations

import sys

from pynomaly_itest.errors import ExitCode

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit the process with its code. Ctrl-C may come before the commands are even loaded."""
    try:
        from pynomaly_itest.cli.app import main as run
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(ExitCode.INTERRUPTED)
    run(arguments)
