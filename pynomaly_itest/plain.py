"""Text from a target made safe for a terminal and a CI server: no escape sequence, no line of its own, no command."""

from __future__ import annotations

import codecs
import re
import shutil
import sys

_ANYWHERE = re.compile(r"##(?=\w*\[)")
"""Azure Pipelines, TeamCity and GitHub's older form take a command from the middle of a line."""

SPELLED_OUT = "pynomaly-itest-spelled-out"
"""How a stream takes what its encoding lacks: `stream.reconfigure(errors=SPELLED_OUT)`."""

_SPELLED = {
    "✓": "ok",
    "✗": "failed",
    "…": "...",
    "−": "-",
    "–": "-",
    "·": ".",
    "≤": "<=",
    "≥": ">=",
    "×": "x",
}


def _spell_out(problem: UnicodeError) -> tuple[str, int]:
    """Signs of ours in letters, everything else as a question mark."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    lacking = problem.object[problem.start : problem.end]
    return "".join(_SPELLED.get(sign, "?") for sign in lacking), problem.end


codecs.register_error(SPELLED_OUT, _spell_out)


def shows(sign: str, stream: object) -> bool:
    """Whether the stream's encoding has the sign; a stream that says no encoding takes everything."""
    try:
        sign.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def screen_width() -> int | None:
    """Columns of the terminal that standard error goes to; None where it goes elsewhere."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()  # none where it was closed
    return shutil.get_terminal_size().columns if is_terminal else None


def printable(text: str) -> str:
    """`text` with everything that isn't printable replaced by a visible dot; line ends become spaces.

    What a CI server would take for a command (`::error::` at the beginning of a line, `##[error]` anywhere) gets a dot.
    """
    plain = "".join(ch if ch.isprintable() else (" " if ch in "\n\t\r" else "·") for ch in text)
    plain = _ANYWHERE.sub("##·", plain)
    return f"· {plain}" if plain.lstrip().startswith("::") else plain
