"""Text from a target made safe for a terminal: no escape sequence, no control character, no line of its own."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with everything that isn't printable replaced by a visible dot; line ends become spaces."""
    return "".join(ch if ch.isprintable() else (" " if ch in "\n\t\r" else "·") for ch in text)
