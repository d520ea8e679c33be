"""Text from a target made safe for a terminal: no escape sequence, no control character, no line of its own."""

from __future__ import annotations

import shutil
import sys


def screen_width() -> int | None:
    """Columns of the terminal that standard error goes to; None where it goes elsewhere."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()  # none where it was closed
    return shutil.get_terminal_size().columns if is_terminal else None


def printable(text: str) -> str:
    """`text` with everything that isn't printable replaced by a visible dot; line ends become spaces."""
    return "".join(ch if ch.isprintable() else (" " if ch in "\n\t\r" else "·") for ch in text)
