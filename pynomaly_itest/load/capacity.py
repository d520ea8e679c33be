"""The highest arrival rate at which a target keeps its objectives: the search carried out, and what it proves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pynomaly_itest.load.levels import Level, LevelVerdict, proven, seen_in
from pynomaly_itest.load.objectives import Objective
from pynomaly_itest.load.result import LoadResult
from pynomaly_itest.load.search import Bounds, Trial, boundary, next_level
from pynomaly_itest.measure.quantiles import CERTAIN_ENOUGH, samples_needed
from pynomaly_itest.verdicts import Verdict

MOST_HOLDS = 3
"""How often a rate is held on to become steady."""
_LONGEST_HOLD = 3.0
"""Times the length of a level: for a quantile that takes more requests than one level brings."""
_MOST_TESTS = 6
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
        """How long to hold a rate: one that has held before, long enough to prove it."""
        before = [level for level in self._at(rate) if level.held]
        if not before:
            return self.level_s
        missing = self._needed() - sum(level.requests for level in before)
        return min(_LONGEST_HOLD * self.level_s, max(self.level_s, missing / rate))

    def _needed(self) -> float:
        """How many requests certify the most demanding quantile among the objectives."""
        wanted = [objective.quantile for objective in self.objectives if objective.quantile is not None]
        least = max(self.confidence, CERTAIN_ENOUGH)
        return _MARGIN * max((samples_needed(p, least) for p in wanted if 0 < p < 1), default=0)

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
        self.tell(f"{rate:.4g}/s{' on' if holds else ''}, {self._left_s():.0f} s left{so_far}")

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
