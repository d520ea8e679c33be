"""Every way in which the tool says no, each with its exit code and, where there is one, the mend.

ItestError
├── UsageError 2               a flag, a name or a path is wrong
│   └── ProfileError 2         the profile is invalid: carries every mistake, each with its place
├── TargetUnreachable 3        nothing answers there, or what answers is not the service asked for
│   └── TargetStartFailed 3    the bundled platform did not come up
├── NothingSelected 5          the selection leaves no scenario
├── EvidenceLost 4             the event log could not be written: what was measured can't be shown
│
│   and, inside a scenario (they become verdicts, not exit codes):
├── StepFailed                 the target misbehaved          -> failed
├── CannotMeasure              we could not measure           -> error
├── NotEnoughEvidence          we measured too little, or ourselves -> inconclusive
└── NotApplicable              a precondition is not there    -> skipped, with its reason
"""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple


class ExitCode(IntEnum):
    """What the pipeline sees; README explains each."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    TARGET = 3
    INCONCLUSIVE = 4
    NOTHING_SELECTED = 5
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True)
class Place:
    """Where something stands in a file: 1-based line and column, and how many columns it spans."""

    file: str
    line: int
    column: int = 1
    length: int = 1


@dataclass(frozen=True)
class Mistake:
    """One mistake of a profile: what is wrong, where, and how to mend it.

    `source_line` is the text of the line at `place`, so that a caret can be drawn without reading the
    file again (it may have changed, or never have been a file). `is_warning`: the profile can be run as it is.
    """

    message: str
    place: Place | None = None
    source_line: str | None = None
    hint: str | None = None
    is_warning: bool = False

    def render(self, width: int | None = None) -> str:
        """The mistake as plain text, with file, line and a caret under the words that are wrong.

        width: of the screen, where there is one: no line of the excerpt is longer, so that the caret stays below.
        """
        said = f"{'warning' if self.is_warning else 'error'}: {self.message}"
        if self.place is None:
            return said + (f"\n  hint: {self.hint}" if self.hint else "")
        place = self.place
        lines = [said, f"  --> {place.file}:{place.line}:{place.column}"]
        if self.source_line is not None:
            gutter = " " * len(str(place.line))
            room = _WIDEST_EXCERPT if width is None else max(_NARROWEST_EXCERPT, width - len(gutter) - 3)
            text, column = _excerpt(self.source_line, place.column, place.length, room)
            span = max(1, min(place.length, len(text) - column + 1))
            carets = " " * (column - 1) + "^" * span
            lines += [f"{gutter} |", f"{place.line} | {text}", f"{gutter} | {carets}"]
            if self.hint and (width is None or len(lines[-1]) + 1 + len(self.hint) <= width):
                lines[-1] += f" {self.hint}"
            elif self.hint:
                folded = textwrap.wrap(self.hint, max(_NARROWEST_EXCERPT, (width or 0) - len(gutter) - 3))
                lines += [f"{gutter} {' ' if at else '='} {part}" for at, part in enumerate(folded)]
        elif self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


_WIDEST_EXCERPT, _NARROWEST_EXCERPT = 160, 30


class _Excerpt(NamedTuple):
    text: str
    column: int


def _excerpt(line: str, column: int, length: int, room: int) -> _Excerpt:
    """Cut a line that has no room down to the neighbourhood of `column`; control characters become spaces."""
    shown = "".join(ch if ch.isprintable() else " " for ch in line.rstrip("\n"))
    if len(shown) <= room:
        return _Excerpt(shown, column)
    start = max(0, min(column - 1 - room // 4, len(shown) - room))
    longest = max(room, min(length, 400)) if room == _WIDEST_EXCERPT else room
    return _Excerpt(shown[start : start + longest], column - start)


class ItestError(Exception):
    """Root of the tool's own errors: one clear line, an exit code, and a hint how to mend it."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ItestError):
    exit_code = ExitCode.USAGE


class ProfileError(UsageError):
    """A profile that can't be run; `mistakes` holds all that is wrong with it, in reading order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the profile")


class TargetUnreachable(ItestError):
    exit_code = ExitCode.TARGET


class TargetStartFailed(TargetUnreachable):
    pass


class NothingSelected(ItestError):
    exit_code = ExitCode.NOTHING_SELECTED


class EvidenceLost(ItestError):
    exit_code = ExitCode.INCONCLUSIVE


class StepFailed(ItestError):
    """The target misbehaved: a wrong status, a wrong body, no answer in time."""

    exit_code = ExitCode.FAILED


class CannotMeasure(ItestError):
    """We could not measure: the fault is not shown to be the target's."""

    exit_code = ExitCode.INCONCLUSIVE


class NotEnoughEvidence(ItestError):
    """What was measured does not suffice for a verdict; `values` is what there is."""

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, message: str, values: Mapping[str, Any], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.values = values


class NotApplicable(ItestError):
    """A precondition is not there; the message is the reason that reports show."""

    exit_code = ExitCode.PASSED


def bug_fields(bug: BaseException) -> dict[str, Any]:
    """How a bug of ours is told: one line for the screen, the traceback for the log."""
    return {
        "exit_code": int(ExitCode.BUG),
        "message": f"a bug of pynomaly-itest: {type(bug).__name__}: {bug}",
        "hint": "the traceback is in run.jsonl; please report it",
        "traceback": "".join(traceback.format_exception(bug)),
    }
