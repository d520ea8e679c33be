"""`run --baseline`: each figure of the run held against the baseline's, and written into the run's own log.

Shares by their intervals, sizes as they are; times by measuring both builds anew in pairs of fresh processes, where
the baseline's build can be started again. Otherwise a time is shown, and why it is not judged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pynomaly_itest.comparison.baseline import Baseline
from pynomaly_itest.comparison.figures import Figure, figures_of
from pynomaly_itest.comparison.outcome import Judged, Outcome
from pynomaly_itest.comparison.rows import Rows, by_place, paired_quality, rows_of
from pynomaly_itest.comparison.stored import Difference, difference
from pynomaly_itest.errors import ItestError, NothingSelected
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import BaselineCompared, BaselineUsed, GateJudged, RowsLabelled, RunStarted
from pynomaly_itest.measure import Tolerance
from pynomaly_itest.measure.statistics import quantile_of
from pynomaly_itest.results import fold
from pynomaly_itest.verdicts import Verdict

Place = tuple[str, str, str]
"""Scenario, the name under which it saved the measured step, and the kind of metric."""

Remeasure = Callable[[frozenset[Place], Callable[[str], None]], Awaitable[Outcome]]
"""Measures the baseline's build and this one in turn, these metrics of the profile's requests; says how it goes."""

_CHANGED = "the scenario is not what it was when the baseline was saved: save a new one"
_NO_REQUEST = "no request that is repeated gives this time, so it can't be measured in turn"


@dataclass
class Against:
    """Hears the run's events; `judge` is called when all scenarios are over.

    remeasure: None where the baseline's build can't be started again, and `why_not` says why.
    """

    baseline: Baseline
    allow_stored_latency: bool = False
    remeasure: Remeasure | None = None
    why_not: str = ""
    heard_events: list[Any] = field(default_factory=list)
    _rows: Rows = field(default_factory=dict)

    def heard(self, event: Any) -> None:
        """A listener of the event log."""
        if isinstance(event, RunStarted | GateJudged | RowsLabelled):
            self.heard_events.append(event)

    def progress(self, scenario: str, text: str) -> None:
        """Nothing that a figure comes from."""

    async def judge(self, log: EventLog) -> None:
        """Write what the baseline is, and each comparison; a baseline that nothing was held against is no pass."""
        baseline = self.baseline
        run = fold(self.heard_events)
        now = {scenario.id: scenario.planned.fingerprint for scenario in run.scenarios}
        left = list(dict.fromkeys(each.scenario for each in baseline.figures if each.scenario not in now))
        log.record(
            BaselineUsed,
            name=baseline.name,
            run_id=baseline.run_id,
            saved_at=baseline.saved_at,
            version=baseline.version,
            build=baseline.build or "",
            note="; ".join(filter(None, (self.why_not, _not_run(left)))),
        )
        figures = {figure.key: figure for figure in figures_of(run)}
        self._rows = by_place(rows_of(run))
        chosen = [figure for figure in baseline.figures if figure.scenario in now]
        again = await self._measured_again(log, [figures[each.key] for each in chosen if each.key in figures])
        found = [
            (base, figures.get(base.key), self._difference(base, figures.get(base.key), again, now))
            for base in chosen
        ]
        if all(difference.verdict is Verdict.SKIPPED for _, _, difference in found):  # no evidence is no pass
            found = [(base, new, replace(each, verdict=Verdict.INCONCLUSIVE)) for base, new, each in found]
        for base, new, each in found:
            self._write(log, base, new, each)

    async def _measured_again(self, log: EventLog, figures: Iterable[Figure]) -> Outcome | str | None:
        """The live comparison of the times among the figures; a text says why it could not be made."""
        wanted = frozenset(
            place for figure in figures if figure.kind == "time" and (place := place_of(figure)) is not None
        )
        if self.remeasure is None or self.allow_stored_latency or not wanted:
            return None
        try:
            first = min(wanted)[0]
            outcome = await self.remeasure(
                wanted, lambda text: log.progress(first, f"against the baseline: {text}")
            )
        except NothingSelected:  # none of these times is a repeated request's
            return None
        except ItestError as problem:
            return f"{problem.message} ({problem.hint})" if problem.hint else problem.message
        if outcome.failure is not None:
            return f"a side did not answer as it should: {outcome.failure.message}"
        return outcome

    def _write(self, log: EventLog, base: Figure, new: Figure | None, found: Difference) -> None:
        log.record(
            BaselineCompared,
            scenario=base.scenario,
            baseline_name=self.baseline.name,
            metric=base.metric,
            expression=base.expression,
            unit=base.unit,
            baseline=base.observed,
            baseline_interval=base.interval,
            observed=None if new is None else new.observed,
            change=found.change,
            scale=found.scale,
            interval=None if found.low is None and found.high is None else (found.low, found.high),
            confidence=base.confidence,
            ignore=None if found.tolerance is None else found.tolerance.ignore,
            forbid=None if found.tolerance is None else found.tolerance.forbid,
            method=found.method,
            verdict=found.verdict,
            reason=found.reason,
        )

    def _difference(
        self, base: Figure, new: Figure | None, again: Outcome | str | None, now: Mapping[str, str]
    ) -> Difference:
        nothing = Difference(None, "relative", None, None, None, "stored", Verdict.INCONCLUSIVE, "")
        if new is None:
            return replace(nothing, reason="this run did not measure it")
        if new.kind == "time" and not self.allow_stored_latency:
            return self._of_time(base, new, again)
        if self.baseline.workloads.get(base.scenario) != now[base.scenario]:
            return replace(nothing, verdict=Verdict.SKIPPED, reason=_CHANGED)
        paired = paired_quality(base, by_place(self.baseline.rows), self._rows)
        return difference(base, new, allow_stored_latency=self.allow_stored_latency, paired=paired)

    def _of_time(self, base: Figure, new: Figure, again: Outcome | str | None) -> Difference:
        """As it was measured again; else shown, with the reason why it is not judged."""
        judged = _find(again, new) if isinstance(again, Outcome) else []
        if judged:
            return _of_judged(judged)
        shown = difference(base, new)
        if isinstance(again, str):
            return replace(shown, verdict=Verdict.INCONCLUSIVE, reason=f"not measured again: {again}")
        why = _NO_REQUEST if self.remeasure is not None else self.why_not
        return replace(shown, reason=f"{why}; {shown.reason}" if why else shown.reason)


def _not_run(scenarios: Sequence[str]) -> str:
    """What the baseline has and this run did not ask for: nobody shall take that for held."""
    shown = ", ".join(scenarios[:3]) + (", …" if len(scenarios) > 3 else "")
    return f"not run and so not held against it: {shown}" if scenarios else ""


def place_of(figure: Figure) -> Place | None:
    """Where the request is measured that a time comes from; a rate of one caller is told by its median time."""
    save, _, rest = figure.metric.partition(".")
    if not rest:
        return None
    statistic = rest.partition(".")[2]
    kind = statistic if quantile_of(statistic) is not None and statistic != "median" else "p50"
    return figure.scenario, save, kind


def _find(outcome: Outcome, figure: Figure) -> list[Judged]:
    """What was concluded of the figure's requests: several where the step sends a mix."""
    place = place_of(figure)
    names = {
        question.name
        for question in outcome.questions
        if place is not None and (question.scenario, question.save) == place[:2]
    }
    return [
        judged
        for judged in outcome.judged
        if place is not None and judged.metric.question in names and judged.metric.kind == place[2]
    ]


def _of_judged(judged: Sequence[Judged]) -> Difference:
    """The worst of several requests decides."""
    order = (Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.PASSED)
    worst = min(judged, key=lambda each: order.index(each.conclusion.verdict))
    found = worst.conclusion
    tolerance = Tolerance(worst.ignore, worst.forbid)
    change = None if found.change != found.change else found.change
    method = f"measured again, {found.pairs} process pairs"
    return Difference(
        change, "relative", found.low, found.high, tolerance, method, found.verdict, found.reason
    )
