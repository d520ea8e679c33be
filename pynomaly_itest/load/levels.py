"""What one level of a capacity search showed: held, broken, or not to be told because of the generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pynomaly_itest.load.objectives import Objective, judge_pooled, verdict_of
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.result import LoadResult, Second
from pynomaly_itest.measure.steady import TOLERANCE, steadiness
from pynomaly_itest.verdicts import Verdict

LevelVerdict = Literal["held", "unsteady", "broke", "untold"]
_INDIFFERENT_MS = 2.0
"""Medians that differ by less are as good as equal where no latency is asked for."""


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
    wobble = _wobble(result.seconds, objectives)
    return ("unsteady", wobble) if wobble else ("held", "")


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


def _wobble(seconds: Sequence[Second], objectives: Sequence[Objective]) -> str:
    """How the last windows differ by more than 10 % in rate or median latency; empty where they agree.

    Medians may also differ by a tenth of the latency that is allowed: less says nothing about the objective.
    """
    whole = [second for second in seconds if second.due][:-1]
    rates = [float(second.answered) for second in whole]
    if len(rates) < 3:
        return f"{len(rates)} whole seconds are too few to see a steady state"
    counted = max(TOLERANCE, 2 / max(1.0, min(rates[-3:])))
    by_rate = steadiness(rates, tolerance=counted)
    if not by_rate.steady:
        return f"answers a second are not steady: {by_rate.reason}"
    medians = [second.p50_ms for second in whole][-3:]
    limits = [objective.limit for objective in objectives if objective.statistic is not None]
    room_ms = max(TOLERANCE * min(limits), _INDIFFERENT_MS) if limits else _INDIFFERENT_MS
    if max(medians) - min(medians) <= max(room_ms, TOLERANCE * sum(medians) / 3):
        return ""
    return f"the median latency is not steady: {', '.join(f'{median:.3g}' for median in medians)} ms in turn"


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
