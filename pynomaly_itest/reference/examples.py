"""Examples that are known to run: taken from the profiles that come with the tool, as they stand there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pynomaly_itest.profile.finder import profile_folders

_MOST_LINES = 12


def of_step(kind: str) -> str | None:
    """A step of this kind with what stands beside it; of several the one that shows most and is short enough."""
    return _best(re.compile(rf"^(\s*)- {re.escape(kind)}:"))


def of_dataset(kind: str) -> str | None:
    """A dataset of this kind, on its line."""
    return _best(re.compile(rf"^(\s*)\w+:\s*\{{kind: {re.escape(kind)}\b"))


def of_fault(kind: str) -> str | None:
    """A `fault` step with this fault in it."""
    pattern = re.compile(rf"\b{re.escape(kind)}\b")
    found = [block for block in _blocks(re.compile(r"^(\s*)- fault:")) if pattern.search(block)]
    return max(found, key=_worth, default=None)


def _best(first_line: re.Pattern[str]) -> str | None:
    return max(_blocks(first_line), key=_worth, default=None)


def _worth(block: str) -> int:
    """Its lines, where they are not too many."""
    lines = block.count("\n") + 1
    return lines if lines <= _MOST_LINES else -lines


def _blocks(first_line: re.Pattern[str]) -> Iterator[str]:
    """Every line that matches with the deeper lines below it, moved to the left."""
    for text in _texts():
        lines = text.splitlines()
        for number, line in enumerate(lines):
            found = first_line.match(line)
            if found is None:
                continue
            depth, end = len(found[1]), number + 1
            while end < len(lines) and lines[end].strip() and _depth(lines[end]) > depth:
                end += 1
            yield textwrap.dedent("\n".join(lines[number:end]))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


@cache
def _texts() -> tuple[str, ...]:
    """The tool's own profiles, not those of the working folder."""
    folders = profile_folders(Path("/nonexistent"))
    return tuple(path.read_text(encoding="utf-8") for path in folders.available().values())
