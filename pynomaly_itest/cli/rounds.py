"""`run --every` and `run --until-failure`: the same run again and again, each a round with a verdict of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pynomaly_itest.errors import ExitCode, ItestError, UsageError

if TYPE_CHECKING:
    from pynomaly_itest.cli.execution import Ended

_SHORTEST_S = 1.0
_LONGEST_S = 31 * 86_400.0
_WORST_LAST = (
    ExitCode.PASSED,
    ExitCode.NOTHING_SELECTED,
    ExitCode.INCONCLUSIVE,
    ExitCode.TARGET,
    ExitCode.USAGE,
    ExitCode.FAILED,
    ExitCode.BUG,
)


@dataclass(frozen=True)
class Rhythm:
    """How often, and until when. Rounds of `every_s` begin on the beat: a late one skips beats, none overlap."""

    every_s: float | None = None
    until_failure: bool = False
    at_most: int | None = None
    within_s: float | None = None

    def pause_s(self, begun_s: float, now_s: float) -> float:
        """How long to wait for the next beat, `begun_s` being when the first round began."""
        if self.every_s is None:
            return 0.0
        beats = max(1, ceil((now_s - begun_s) / self.every_s))
        return begun_s + beats * self.every_s - now_s

    def over(self, number: int, code: ExitCode, lasted_s: float) -> bool:
        """Whether the round just ended was the last one."""
        return (
            (self.until_failure and code is not ExitCode.PASSED)
            or (self.at_most is not None and number >= self.at_most)
            or (self.within_s is not None and lasted_s >= self.within_s)
        )


class Round(NamedTuple):
    """One round: its number from 1, its exit code, and the run, or why there was none."""

    number: int
    code: ExitCode
    ended: Ended | None
    problem: ItestError | None
    pause_s: float | None
    """Until the next one; None after the last."""


class Listener(Protocol):
    def __call__(self, done: Round) -> None: ...


def interval_s(text: str) -> float:
    """The seconds of `--every 5m`; raises UsageError for what is no length of time, or shorter than a second."""
    from pynomaly_itest.profile.expression import UnitClash, parse_quantity

    try:
        seconds = parse_quantity(text, "s")
    except (ValueError, UnitClash) as problem:
        raise UsageError(f"--every: {problem}", hint="write 30s, 5m or 1h") from problem
    if not seconds >= _SHORTEST_S:
        raise UsageError(f"--every: {text} is too often", hint=f"at least {_SHORTEST_S:g}s")
    if seconds > _LONGEST_S:
        raise UsageError(f"--every: {text} is too seldom", hint="at most 744h")
    return seconds


def go_round(
    once: Callable[[], Ended],
    rhythm: Rhythm,
    *,
    clock: Callable[[], float],
    wait: Callable[[float], bool],
    listeners: Sequence[Listener],
) -> ExitCode:
    """Run until it is over; returns the worst round's exit code, INTERRUPTED where somebody ended it.

    `wait` waits so many seconds and tells whether it was asked to stop. What is wrong with the flags themselves is
    raised in the first round; after that a round that could not be made is a round like any other.
    """
    begun_s, worst = clock(), ExitCode.PASSED
    for number in count(1):
        done = _round(number, once)
        worst = max(worst, done.code, key=_severity)
        interrupted = done.code is ExitCode.INTERRUPTED
        last = interrupted or rhythm.over(number, done.code, clock() - begun_s)
        pause_s = None if last else rhythm.pause_s(begun_s, clock())
        for listener in listeners:
            listener(done._replace(pause_s=pause_s))
        if interrupted or pause_s is None:
            return ExitCode.INTERRUPTED if interrupted else worst
        if wait(rhythm.pause_s(begun_s, clock())):
            return ExitCode.INTERRUPTED
    raise AssertionError("counting has no end")


def _round(number: int, once: Callable[[], Ended]) -> Round:
    try:
        ended = once()
    except ItestError as problem:
        if number == 1:
            raise
        return Round(number, problem.exit_code, None, problem, None)
    return Round(number, ended.code, ended, None, None)


def _severity(code: ExitCode) -> int:
    return _WORST_LAST.index(code) if code in _WORST_LAST else len(_WORST_LAST)
