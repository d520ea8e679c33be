"""What one level of a capacity search showed: held, broken, or not to be told because of the generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pynomaly_itest.load.objectives import Objective, judge_pooled, verdict_of
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.result import LoadResult, Second
from pynomaly_itest.measure.steady import TOLERANCE
from pynomaly_itest.verdicts import Verdict

LevelVerdict = Literal["held", "unsteady", "broke", "untold"]
_CHANCE = 3.0
"""Standard deviations by which random arrivals may run ahead of the answers."""
_SURE_T = 4.0
"""Of the slope of a growing latency: queues of random arrivals swing, and are correlated."""


@dataclass(frozen=True)
class Level:
    """One test of a rate: all of its runs, the verdict, and the reason for it."""

    rate: float
    results: tuple[LoadResult, ...]
    verdict: LevelVerdict
    reason: str = ""

    @property
    def held(self) -> bool:
        return self.verdict == "held"

    @property
    def requests(self) -> int:
        return sum(result.requests for result in self.results)


def seen_in(result: LoadResult, objectives: Sequence[Objective]) -> tuple[LevelVerdict, str]:
    """The verdict of one run of a level, and why it is not "held"."""
    if result.broke_why is not None:
        return _unless_ours(result, objectives, result.broke_why)
    broken = [objective for objective in objectives if not objective.holds(result)]
    if broken:
        return _unless_ours(result, objectives, broken[0].said_of(result))
    growth = _growth(result.seconds, objectives)
    return ("unsteady", growth) if growth else ("held", "")


def _unless_ours(
    result: LoadResult, objectives: Sequence[Objective], reason: str
) -> tuple[LevelVerdict, str]:
    """Broken, unless the generator was late and what is broken would hold without its own part of it."""
    if result.health.kept_up or any(_broken_by_itself(result, objective) for objective in objectives):
        return "broke", reason + _refused(result)
    return "untold", f"the load generator itself was the bottleneck: {'; '.join(result.health.reasons)}"


def _refused(result: LoadResult) -> str:
    """That the target shed load, where it did: it is at its limit, and knows."""
    count = sum(result.outcomes.get(outcome.label, 0) for outcome in (Outcome.SHED, Outcome.SHED_UNTOLD))
    return f"; it refused {count} of {result.requests} requests with 429 or 503" if count else ""


def _broken_by_itself(result: LoadResult, objective: Objective) -> bool:
    """Whether the target breaks the objective, whatever the generator did: an error is an error."""
    if objective.statistic is None:
        return not result.health.starved and not objective.holds(result)
    own = result.unlagged_ms if result.health.is_late_only else None
    return own is not None and not objective.holds_for(own)


def _growth(seconds: Sequence[Second], objectives: Sequence[Objective]) -> str:
    """How the target falls behind within the level; empty where it keeps up.

    It does where fewer are answered than arrive (beyond the chance of random arrivals), or where the median latency
    rises (surely, by a straight line through the seconds) by a tenth of what is allowed: sooner or later it is over.
    That rate or latency go up and down says nothing about the objective.
    """
    whole = [second for second in seconds if second.due][:-1]
    if len(whole) < 3:
        return f"{len(whole)} whole seconds are too few to see whether it keeps up"
    later = whole[len(whole) // 3 :]  # at first the queue may fill
    due, answered = sum(each.due for each in later), sum(each.answered for each in later)
    if due - answered > max(TOLERANCE * due, _CHANCE * math.sqrt(due)):
        return f"answers fall behind: {answered} answers for {due} arrivals"
    limits = [objective.limit for objective in objectives if objective.statistic is not None]
    medians = [second.p50_ms for second in whole]
    trend = _trend(medians)
    if not limits or trend.grown <= TOLERANCE * max(min(limits), sum(medians) / len(medians)):
        return ""
    if trend.t < _SURE_T:
        return ""
    return f"the median latency grows: from {trend.first:.3g} to {trend.first + trend.grown:.3g} ms"


class _Trend(NamedTuple):
    """The line through values one after the other: where it begins, how much it rises, and how surely (t)."""

    first: float
    grown: float
    t: float


def _trend(values: Sequence[float]) -> _Trend:
    """Least squares over equal distances; at least three values."""
    n, centre = len(values), (len(values) - 1) / 2
    mean = sum(values) / n
    spread = sum((at - centre) ** 2 for at in range(n))
    slope = sum((at - centre) * value for at, value in enumerate(values)) / spread
    left = sum((value - mean - slope * (at - centre)) ** 2 for at, value in enumerate(values))
    error = math.sqrt(left / (n - 2) / spread)
    return _Trend(
        mean - slope * centre, slope * (n - 1), slope / error if error > 0 else math.copysign(math.inf, slope)
    )


def proven(
    levels: Sequence[Level], rate: float, objectives: Sequence[Objective], confidence: float
) -> Verdict:
    """Of all tests of one rate together, at `confidence`: passed (it holds), failed (it breaks), or inconclusive.

    A rate is broken if none held at it or above, and at least two broke at it or below: what breaks at less breaks
    at more. Latencies are judged by this rate's tests. For a ratio those of the lower rates count too (what fails
    seldom takes many requests to prove), after it was within its limit here.
    """
    told = [level for level in levels if level.verdict != "untold"]
    here = [level for level in told if level.rate == rate]
    if not here:
        return Verdict.INCONCLUSIVE
    if not any(level.held for level in told if level.rate >= rate):
        broken = sum(not level.held for level in told if level.rate <= rate)
        return Verdict.FAILED if broken > 1 else Verdict.INCONCLUSIVE
    if not any(level.held for level in here):
        return Verdict.INCONCLUSIVE
    lower = [level for level in levels if level.rate <= rate]
    judged = [
        judge_pooled(objective, _results(here if objective.statistic else lower), confidence)
        for objective in objectives
    ]
    return verdict_of(judged)


def _results(levels: Sequence[Level]) -> list[LoadResult]:
    return [result for level in levels for result in level.results]
