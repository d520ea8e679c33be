"""What a target must keep to while it is under load: limits on a load's figures, judged as a whole or on the way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.measure.estimate import Estimate
from pynomaly_itest.measure.exceedance import judge_quantile
from pynomaly_itest.measure.histogram import Histogram
from pynomaly_itest.measure.judge import Judgement, judge
from pynomaly_itest.measure.samples import Samples
from pynomaly_itest.measure.statistics import statistic
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from pynomaly_itest.load.ledger import Ledger
    from pynomaly_itest.load.result import LoadResult

_LATENCY = re.compile(r"latency_ms\.(mean|max|median|p\d{1,2}(?:\.\d+)?)")
RATIOS = ("error_ratio", "wrong_ratio")


@dataclass(frozen=True)
class Objective:
    """ "`name` is at most `limit`"; latencies in ms, ratios from 0 to 1."""

    name: str
    limit: float

    @property
    def statistic(self) -> str | None:
        """Of the latency, which statistic; None for a ratio."""
        found = _LATENCY.fullmatch(self.name)
        return found[1] if found else None

    @property
    def quantile(self) -> float | None:
        """Of the latency, which quantile, 0 to 1; None for any other figure."""
        which = "p50" if self.statistic == "median" else self.statistic or ""
        return float(which[1:]) / 100 if which.startswith("p") else None

    def observed(self, result: LoadResult) -> float:
        """The figure in a result; NaN where nothing was measured."""
        found = result.metrics.get("latency_ms" if self.statistic else self.name)
        if isinstance(found, Samples):
            return statistic(found, self.statistic or "max").value if found.n else float("nan")
        return found.value if isinstance(found, Estimate) and found.n else float("nan")

    def holds(self, result: LoadResult) -> bool:
        """Whether what was seen is within the limit, as it is; nothing seen is not."""
        return self.observed(result) <= self.limit

    def holds_for(self, latency_ms: Samples) -> bool:
        """Whether an objective on latencies is kept by these; none at all do not."""
        return latency_ms.n > 0 and statistic(latency_ms, self.statistic or "max").value <= self.limit

    def said_of(self, result: LoadResult) -> str:
        """The figure against its limit, in words."""
        unit = " ms" if self.statistic else ""
        return f"{self.name} is {self.observed(result):.4g}{unit}, at most {self.limit:.4g}{unit} is wanted"


def mistake_in(name: str) -> str | None:
    """What is wrong with an objective's name; None where it is known."""
    if name in RATIOS:
        return None
    found = _LATENCY.fullmatch(name)
    if found is None or found[1] == "p0":
        known = "latency_ms.p99 (any quantile, mean, max), error_ratio, wrong_ratio"
        return f"unknown objective {name!r}: known are {known}"
    return None


def judge_pooled(objective: Objective, results: Iterable[LoadResult], confidence: float) -> Judgement:
    """An objective on all that was measured at one rate, in several runs, at `confidence`."""
    import numpy as np

    held = list(results)
    if objective.statistic is None:
        counted = [result.metrics[objective.name] for result in held if objective.name in result.metrics]
        return judge(_pooled_ratio(counted, confidence), "<=", objective.limit)
    series = [samples for each in held if isinstance(samples := each.metrics["latency_ms"], Samples)]
    if any(samples.is_folded for samples in series):
        samples = Samples.folded("latency_ms", [w for one in series for w in _windows(one)], "ms")
    else:
        samples = Samples.of("latency_ms", np.concatenate([one.values for one in series]), "ms")
    if objective.quantile is not None:
        return judge_quantile(samples, objective.quantile, "<=", objective.limit, confidence=confidence)
    return judge(statistic(samples, objective.statistic, confidence=confidence), "<=", objective.limit)


def _windows(samples: Samples) -> list[Histogram]:
    return list(samples.windows) if samples.is_folded else [samples.histogram()]


def _pooled_ratio(counted: Sequence[object], confidence: float) -> Estimate | None:
    """One proportion of several; None without any. Correlated events are worth as much as they were in each."""
    from pynomaly_itest.measure.proportions import proportion

    parts = [one for one in counted if isinstance(one, Estimate) and one.n]
    if not parts:
        return None
    n = sum(one.n for one in parts)
    worth = sum(one.n_effective or one.n for one in parts)
    return proportion(
        sum(round(one.value * one.n) for one in parts), n, confidence=confidence, n_effective=worth
    )


@dataclass(frozen=True)
class Abort:
    """When a load ends itself: some objective is broken, on the last `window_s`, for `after_s` on end."""

    objectives: tuple[Objective, ...]
    after_s: float = 2.0
    window_s: float = 1.0


@dataclass
class Watch:
    """Follows a load as it runs; `broken` says which objective has been broken for too long, and since when."""

    abort: Abort
    since_s: float | None = None
    reason: str = ""

    def broken(self, ledger: Ledger, elapsed_s: float) -> str | None:
        """Why the load should end now; None to go on. Call it a few times a second."""
        now = self._broken_now(ledger, elapsed_s)
        if now is None:
            self.since_s = None
            return None
        if self.since_s is None:
            self.since_s, self.reason = elapsed_s, now
        return now if elapsed_s - self.since_s >= self.abort.after_s else None

    def _broken_now(self, ledger: Ledger, elapsed_s: float) -> str | None:
        for objective in self.abort.objectives:
            seen = _lately(objective, ledger, elapsed_s - self.abort.window_s)
            if seen > objective.limit:
                unit = " ms" if objective.statistic else ""
                told = f"{objective.name} was {seen:.4g}{unit} over the last {self.abort.window_s:g} s"
                return f"{told}, at most {objective.limit:.4g}{unit} is wanted"
        return None


def _lately(objective: Objective, ledger: Ledger, since_s: float) -> float:
    """An objective's figure among the requests that ended since then, without our own lateness; NaN of none."""
    import numpy as np

    batches = list(ledger.ended_since(since_s))
    if not batches:
        return float("nan")
    if objective.statistic is None:
        outcomes = np.concatenate([batch.outcome for batch in batches])
        failed = np.concatenate([batch.failed for batch in batches])
        if objective.name == "wrong_ratio":
            failed = np.isin(outcomes, [Outcome.WRONG_ANSWER, Outcome.SWAPPED])
        return float(failed.mean())
    own = [batch.latency_ms - batch.lag_ms.clip(min=0.0) for batch in batches]
    waited = np.concatenate([values[batch.waited_for] for values, batch in zip(own, batches, strict=True)])
    return statistic(Samples.of("latency_ms", waited, "ms"), objective.statistic).value


def verdict_of(judgements: Iterable[Judgement]) -> Verdict:
    """Of all objectives together: one broken breaks, one open leaves it open."""
    verdicts = {judgement.verdict for judgement in judgements}
    for verdict in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.PASSED if verdicts else Verdict.INCONCLUSIVE
