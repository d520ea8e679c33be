"""The command line: a file a command. Each parses, calls, and turns the outcome into an exit code."""

from pynomaly_itest.cli.app import main

__all__ = ["main"]
