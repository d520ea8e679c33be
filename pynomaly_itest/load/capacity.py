"""The highest arrival rate at which a target keeps its objectives: the search carried out, and what it proves."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pynomaly_itest.load.levels import Level, LevelVerdict, proven, seen_in
from pynomaly_itest.load.objectives import Objective
from pynomaly_itest.load.result import LoadResult
from pynomaly_itest.load.search import WIDENING, Bounds, Trial, boundary, next_level
from pynomaly_itest.measure.quantiles import CERTAIN_ENOUGH, samples_needed
from pynomaly_itest.verdicts import Verdict

MOST_HOLDS = 3
"""How often a rate is held on to become steady."""
_MOST_OF_BUDGET = 1 / 6
"""What a rate that is tested for the first time may take of the budget, where it is so low that it needs more."""
_FEWEST = 20.0
"""Requests at a rate that is tested for the first time, where no quantile asks for more."""
_MOST_TESTS = 8
"""Of one rate, to prove that it holds."""
_MOST_TRIES = 3
"""Of one test that the generator was too late for."""
_OVERHEAD_S = 1.0
"""What a hold takes beside its length: starting the generator, waiting for the last answers."""
_MARGIN = 1.05


class Hold(Protocol):
    """Puts a constant rate on the target for so many seconds."""

    def __call__(self, rate: float, seconds: float) -> Awaitable[LoadResult]: ...


@dataclass(frozen=True)
class Found:
    """What a search found.

    held, broken: the boundary's sides, as the majority of their tests says; None where there is none. low: the highest
    rate that is proven to hold; high: the lowest one proven to break. is_final: the sides are as near as was asked,
    and both were tested again. untold: why it had to end because of the generator; empty where it did not.
    """

    held: float | None
    broken: float | None
    low: float | None
    high: float | None
    is_final: bool
    levels: tuple[Level, ...]
    reason: str
    untold: str = ""


@dataclass
class Search:
    """A search under way.

    settle: waits until the target is well again after a rate that broke it; why it is not, or None. clock: seconds.
    """

    bounds: Bounds
    objectives: tuple[Objective, ...]
    level_s: float
    budget_s: float
    confidence: float
    hold: Hold
    settle: Callable[[], Awaitable[str | None]]
    clock: Callable[[], float]
    tell: Callable[[str], None] = lambda text: None
    levels: list[Level] = field(default_factory=list)
    untold: str = ""
    worn: str = ""
    begun_s: float = 0.0

    async def run(self) -> Found:
        """Test rates until the boundary is found and proven, or the time is up."""
        self.begun_s = self.clock()
        self.tell(self._foreseen())
        while not self.untold and not self.worn:
            rate = self._next()
            if rate is None or (self.levels and self._left_s() < self._length_s(rate) + _OVERHEAD_S):
                break
            tested = await self._told(rate)
            self.levels.append(tested)
            if tested.verdict == "untold":
                self.untold = f"at {rate:.4g} requests/s {tested.reason}"
            elif not tested.held:
                amiss = await self.settle() or ""
                self.worn = amiss and f"after {rate:.4g} requests/s the target was not well again: {amiss}"
        return self.found()

    def _foreseen(self) -> str:
        bounds, longest_s = self.bounds, self.longest_s()
        if longest_s <= self.budget_s:
            return f"{bounds.first:.4g} to {bounds.most:.4g}/s: at most about {longest_s:.0f} s"
        return (
            f"{bounds.first:.4g} to {bounds.most:.4g}/s: may take {longest_s:.0f} s, and ends after "
            f"{self.budget_s:.0f} s with a wider interval"
        )

    def _next(self) -> float | None:
        """The rate to test: what the search asks for, then what is still unproven below the boundary.

        While there is just time to prove what is known, no finer boundary is sought: better a wide one that is
        proven than a narrow one that is not.
        """
        trials, bounds = self._trials(), self.bounds
        if self.levels and self._left_s() < self._proof_s() + self.level_s + _OVERHEAD_S:
            bounds = replace(bounds, precision=float("inf"))
        rate = next_level(trials, bounds)
        held = boundary(trials, bounds).held
        if rate is not None or held is None:
            return rate
        open_still = self._proven(held) is Verdict.INCONCLUSIVE and len(self._at(held)) < _MOST_TESTS
        return held if open_still else None

    async def _told(self, rate: float) -> Level:
        """A test of a rate; again where the generator was the bottleneck, for that may be a neighbour's doing."""
        tested = await self._tested(rate)
        tries = 1
        while tested.verdict == "untold" and tries < _MOST_TRIES and self._left_s() > self.level_s:
            tested = await self._tested(rate)
            tries += 1
        return tested

    async def _tested(self, rate: float) -> Level:
        """Hold a rate until it is steady, broken, or has been held three times."""
        results: list[LoadResult] = []
        verdict: LevelVerdict = "unsteady"
        reason = ""
        while verdict == "unsteady" and len(results) < MOST_HOLDS:
            seconds = self._length_s(rate)
            if results and self._left_s() < seconds + _OVERHEAD_S:
                break
            self._tell(rate, len(results))
            results.append(await self.hold(rate, seconds))
            verdict, reason = seen_in(results[-1], self.objectives)
        return Level(rate, tuple(results), verdict, reason)

    def _length_s(self, rate: float) -> float:
        """How long to hold a rate: the first time, long enough to see its quantile; then, to prove it."""
        before = [level for level in self._at(rate) if level.held]
        if not before:
            return self._screening_s(rate)
        so_far = sum(level.requests for level in before)
        missing = max(self._needed() - so_far, so_far if so_far >= self._needed() else 0)  # as many again
        affordable = max(self.level_s, self._left_s() - _OVERHEAD_S)
        return min(affordable, max(self.level_s, missing / rate))

    def _screening_s(self, rate: float) -> float:
        """As many requests as the most demanding quantile needs for one of them to lie beyond it."""
        return max(self.level_s, min(self.budget_s * _MOST_OF_BUDGET, self._seen_with() / rate))

    def _seen_with(self) -> float:
        return max((1 / (1 - p) for p in self._quantiles()), default=_FEWEST)

    def _needed(self) -> float:
        """How many requests certify the most demanding quantile among the objectives."""
        least = max(self.confidence, CERTAIN_ENOUGH)
        return _MARGIN * max((samples_needed(p, least) for p in self._quantiles()), default=0)

    def _quantiles(self) -> list[float]:
        wanted = [objective.quantile for objective in self.objectives]
        return [p for p in wanted if p is not None and 0 < p < 1]

    def longest_s(self) -> float:
        """How long the search takes where the boundary lies at its most laborious place, whatever the budget is."""
        bounds = self.bounds
        count = math.ceil(math.log2(bounds.most / bounds.first)) + 2
        places = [bounds.first * WIDENING**at * 1.02 for at in range(-1, count)]
        return max(self._lasts_s(place) for place in places)

    def _lasts_s(self, capacity: float) -> float:
        """The time for all tests where rates up to `capacity` hold and those above break."""
        trials: list[Trial] = []
        total_s = 0.0
        while (rate := next_level(trials, self.bounds)) is not None:
            held_before = any(trial.held and trial.level == rate for trial in trials)
            needed = self._needed() - self._seen_with() if held_before else self._seen_with()
            total_s += max(self.level_s, needed / rate) + _OVERHEAD_S
            trials.append(Trial(rate, rate <= capacity))
        return total_s

    def _left_s(self) -> float:
        return self.budget_s - (self.clock() - self.begun_s)

    def _proof_s(self) -> float:
        """How long it takes to test both sides of the present boundary again."""
        found = boundary(self._trials(), self.bounds)
        sides = [side for side in (found.held, found.broken) if side is not None]
        return sum(self._length_s(side) + _OVERHEAD_S for side in sides if len(self._at(side)) < 2)

    def _tell(self, rate: float, holds: int) -> None:
        held = boundary(self._trials(), self.bounds).held
        so_far = "" if held is None else f"; {held:.4g}/s held so far"
        self.tell(f"testing {rate:.4g}/s{' on' if holds else ''}, {self._left_s():.0f} s left{so_far}")

    def _trials(self) -> list[Trial]:
        return [Trial(level.rate, level.held) for level in self.levels if level.verdict != "untold"]

    def _at(self, rate: float) -> list[Level]:
        return [level for level in self.levels if level.rate == rate]

    def _proven(self, rate: float) -> Verdict:
        return proven(self.levels, rate, self.objectives, self.confidence)

    def found(self) -> Found:
        """What the tests so far say."""
        sides = boundary(self._trials(), self.bounds)
        rates = sorted({level.rate for level in self.levels})
        below = [rate for rate in rates if sides.held is not None and rate <= sides.held]
        above = [rate for rate in rates if sides.broken is not None and rate >= sides.broken]
        return Found(
            held=sides.held,
            broken=sides.broken,
            low=max((rate for rate in below if self._proven(rate) is Verdict.PASSED), default=None),
            high=min((rate for rate in above if self._proven(rate) is Verdict.FAILED), default=None),
            is_final=sides.is_final,
            levels=tuple(self.levels),
            reason=self._reason(sides.broken),
            untold=self.untold,
        )

    def _reason(self, broken: float | None) -> str:
        """Why the next rate failed, or why none did."""
        if self.untold:
            return self.untold
        if broken is None:
            top = max((level.rate for level in self.levels), default=0.0)
            why = "" if top >= self.bounds.most else ", where the time was up"
            return f"nothing broke up to {top:.4g} requests/s{why}"
        told = _reasons(self._at(broken))
        broke = f"at {broken:.4g} requests/s {told[-1] if told else 'it broke'}"
        return f"{broke}; {self.worn}" if self.worn else broke


def _reasons(levels: Sequence[Level]) -> list[str]:
    return [level.reason for level in levels if not level.held and level.reason]
