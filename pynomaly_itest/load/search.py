"""Where a limit lies between what holds and what breaks: which level to test next, and when to end. No clock here.

Widening by factors of two, then bisecting; both sides of the boundary are tested again, and where two tests of a
level disagree a third one decides. So one disturbed test costs time, and not the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDENING = 2.0
LEAST_SHARE = 1 / 16
"""How far below the first level is looked, where even that breaks."""
_VOTES = 2


@dataclass(frozen=True)
class Bounds:
    """The first level, the highest that is tested, and how near the boundary's sides must come (0.1: 10 %)."""

    first: float
    most: float
    precision: float

    @property
    def least(self) -> float:
        return self.first * LEAST_SHARE


@dataclass(frozen=True)
class Trial:
    """One test of a level."""

    level: float
    held: bool


@dataclass(frozen=True)
class Boundary:
    """The highest level that holds with none below it broken, and the lowest broken one above; None: there is none.

    is_final: near enough to each other, and both tested again.
    """

    held: float | None
    broken: float | None
    is_final: bool


def next_level(trials: Sequence[Trial], bounds: Bounds) -> float | None:
    """The level to test now; None when the boundary is found."""
    if not trials:
        return bounds.first
    tied = [level for level in _levels(trials) if _balance(trials, level) == 0]
    if tied:
        return tied[0]
    held, broken = _sides(trials)
    doubtful = _contradicted(trials, broken)
    if doubtful is not None:
        return doubtful
    if broken is None:
        return _above(trials, held or bounds.first, bounds)
    if held is None:
        return _below(trials, broken, bounds)
    if broken > held * (1 + bounds.precision) * (1 + 1e-9):
        return _between(held, broken)
    return _unproven(trials, (held, broken))


def boundary(trials: Sequence[Trial], bounds: Bounds) -> Boundary:
    """What the tests so far say."""
    held, broken = _sides(trials)
    return Boundary(held, broken, is_final=bool(trials) and next_level(trials, bounds) is None)


def _levels(trials: Sequence[Trial]) -> list[float]:
    return sorted({trial.level for trial in trials})


def _balance(trials: Sequence[Trial], level: float) -> int:
    """Tests of a level that held less those that broke."""
    return sum(1 if trial.held else -1 for trial in trials if trial.level == level)


def _votes(trials: Sequence[Trial], level: float) -> int:
    return sum(trial.level == level for trial in trials)


def _sides(trials: Sequence[Trial]) -> tuple[float | None, float | None]:
    """The highest level that holds below the lowest one that is broken, and that one."""
    levels = _levels(trials)
    broken = min((level for level in levels if _balance(trials, level) < 0), default=None)
    below = [level for level in levels if broken is None or level < broken]
    return max((level for level in below if _balance(trials, level) > 0), default=None), broken


def _contradicted(trials: Sequence[Trial], broken: float | None) -> float | None:
    """A level that broke once, though a higher one held: one of the two was disturbed, so it is tested again."""
    if broken is None or _votes(trials, broken) >= _VOTES:
        return None
    higher = any(_balance(trials, level) > 0 for level in _levels(trials) if level > broken)
    return broken if higher else None


def _above(trials: Sequence[Trial], held: float, bounds: Bounds) -> float | None:
    if held < bounds.most:
        return min(bounds.most, held * WIDENING)
    return _unproven(trials, (held,))


def _below(trials: Sequence[Trial], broken: float, bounds: Bounds) -> float | None:
    if broken > bounds.least:
        return max(bounds.least, broken / WIDENING)
    return _unproven(trials, (broken,))


def _between(held: float, broken: float) -> float:
    """The geometric middle, to three digits where that stays between the two."""
    middle = math.sqrt(held * broken)
    short = float(f"{middle:.3g}")
    return short if held < short < broken else middle


def _unproven(trials: Sequence[Trial], sides: Sequence[float]) -> float | None:
    """A side of the boundary that was tested but once."""
    return next((level for level in sides if _votes(trials, level) < _VOTES), None)
