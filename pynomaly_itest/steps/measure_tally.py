"""What repeated calls gave, and the figures that follow from it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from pynomaly_itest.steps.base import Inference, Values

if TYPE_CHECKING:
    from pynomaly_itest.errors import StepFailed
    from pynomaly_itest.measure import Estimate, Samples

WITHOUT_ANSWER = {
    "refused": "calls for which no connection could be made",
    "reset": "calls whose connection ended before the answer did",
    "hung": "calls that were not answered in time",
}
"""Why calls failed that got no answer, and what each of the names counts."""
_WINDOWS = 9
_LAST = 3
_FEWEST = 2 * _WINDOWS
_CHANCE = 4.0
"""Standard errors by which three windows may differ by chance alone."""


@dataclass
class Tally:
    """What the calls gave, in the order in which they ended.

    `error_share`: which part of the error that a gate allows may be spent on what is here (see `Samples`).
    """

    numbers: dict[str, list[float]] = field(default_factory=dict)
    truths: dict[str, list[bool]] = field(default_factory=dict)
    times_s: list[float] = field(default_factory=list)
    failures: list[bool] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    first_error: str | None = None
    error_share: float = 1.0

    @property
    def count(self) -> int:
        return len(self.failures)

    @property
    def errors(self) -> int:
        """Calls that failed."""
        return sum(self.failures)

    def succeeded(self, values: Values, at_s: float) -> None:
        """A call that ended `at_s` seconds after the first one began."""
        self.times_s.append(at_s)
        self.failures.append(False)
        for name, value in values.items():
            if isinstance(value, bool):
                self.truths.setdefault(name, []).append(value)
            elif isinstance(value, int | float):
                self.numbers.setdefault(name, []).append(_as_float(value))
        cached, latency_ms = values.get("cached"), values.get("latency_ms")
        if isinstance(cached, bool) and isinstance(latency_ms, float):
            self.numbers.setdefault("cached_ms" if cached else "uncached_ms", []).append(latency_ms)

    def failed(self, problem: StepFailed) -> None:
        """A call that failed."""
        from pynomaly_itest.target.http import RequestFailed

        self.failures.append(True)
        self.reasons[problem.reason if isinstance(problem, RequestFailed) else "answered"] += 1
        self.first_error = self.first_error or problem.message

    def so_far(self) -> str:
        """How it stands, for the screen."""
        latencies = sorted(self.numbers.get("latency_ms", ()))
        return f", p50 {latencies[len(latencies) // 2]:.1f} ms" if latencies else ""

    def values(self, duration_s: float) -> Values:
        """Every series and figure by its name."""
        from pynomaly_itest.measure import exact

        out: Values = {name: self._samples(name, duration_s) for name in self.numbers}
        for name, truths in self.truths.items():
            out[f"{name}_ratio"] = self._within_share(share_of(truths))
        out["count"] = self.count
        out["error_ratio"] = self._error_ratio()
        out["first_error"] = self.first_error
        out |= {reason: exact(self.reasons[reason], n=self.count) for reason in WITHOUT_ANSWER}
        out["requests_per_second"] = self._throughput(duration_s, 1.0, "requests/s")
        rows = self.numbers.get("n_samples")
        if rows:
            out["samples_per_second"] = self._throughput(duration_s, sum(rows) / len(rows), "samples/s")
        if "cached" in self.truths:
            times = (self.numbers.get("uncached_ms", []), self.numbers.get("cached_ms", []))
            out["cached_speedup"] = self._within_share(ratio_of_medians(*times))
        return out

    def _error_ratio(self) -> Inference:
        """The share of failed calls, with why those failed that got no answer."""
        ratio = self._within_share(share_of(self.failures, come_together=True))
        told = [f"{self.reasons[reason]:,} {reason}" for reason in WITHOUT_ANSWER if self.reasons[reason]]
        first = [] if self.first_error is None else [f"the first: {self.first_error}"]
        note = "; ".join([", ".join(told), *first] if told else first)
        return lambda confidence: replace(ratio(confidence), note=note)

    def _samples(self, name: str, duration_s: float) -> Samples:
        from pynomaly_itest.measure import Samples

        seen = self.numbers[name]
        times_s = self.times_s if len(seen) == len(self.times_s) else None
        return Samples.of(
            name, seen, _unit(name), times_s=times_s, duration_s=duration_s, error_share=self.error_share
        )

    def _within_share(self, inference: Inference) -> Inference:
        return lambda confidence: inference(1 - (1 - confidence) * self.error_share)

    def _throughput(self, duration_s: float, each: float, unit: str) -> Inference:
        ends = list(self.times_s)
        return self._within_share(
            lambda confidence: throughput(ends, duration_s, each, unit, confidence=confidence)
        )


def throughput(
    ends_s: Sequence[float], duration_s: float, each: float, unit: str, *, confidence: float
) -> Estimate:
    """Calls over wall time, times `each`; its relative interval is that of the mean time between ends.

    Where it has not settled (the last windows differ by more than a tenth, and than chance), the interval reaches
    every level that was seen: a limit that all of them keep is kept.
    """
    from pynomaly_itest.measure import Estimate, Samples, statistic
    from pynomaly_itest.measure.means import rate_of_gaps, reaching

    gaps = [after - before for before, after in pairwise([0.0, *ends_s])]
    value = each * len(ends_s) / duration_s if duration_s > 0 else float("nan")
    if len(gaps) < _FEWEST:
        note = f"{len(gaps)} calls are too few for a rate: {_FEWEST} are needed"
        return Estimate(value, unit, len(gaps), note=note, at_least=0.0)
    gap = statistic(Samples.of("gap", gaps, "s"), "mean", confidence=confidence)
    settled = rate_of_gaps(value, gap, unit, len(gaps))
    means, unsteady = _windows(gaps)
    if not unsteady:
        return settled
    levels = [value * gap.value / mean for mean in means if mean > 0]
    return reaching(settled, levels, f"not in a steady state: {unsteady}")


def _windows(gaps: Sequence[float]) -> tuple[list[float], str]:
    """Mean gaps of consecutive windows, and why those of the end don't show one rate; empty if they do."""
    import numpy as np

    from pynomaly_itest.measure import steadiness

    parts = np.array_split(np.array(gaps), _WINDOWS)
    means = [float(part.mean()) for part in parts]
    chance = max(float(part.std() / (part.mean() or 1.0)) / math.sqrt(part.size) for part in parts[-_LAST:])
    found = steadiness(means, last=_LAST, tolerance=max(0.1, _CHANCE * chance))
    return means, "" if found.steady else found.reason


def share_of(truths: Sequence[bool], *, come_together: bool = False) -> Inference:
    """The share of calls of which it is true, with its interval; truths: in order.

    come_together: as failures do, so that many at once count as fewer. (A cache that warms up is a trend, no chance.)
    """
    seen = list(truths)

    def at(confidence: float) -> Estimate:
        import numpy as np

        from pynomaly_itest.measure import proportion
        from pynomaly_itest.measure.correlation import inflation

        worth: float | None = None
        if come_together and seen:
            worth = len(seen) / inflation(np.array(seen, dtype=np.float64), confidence=confidence)
        return proportion(sum(seen), len(seen), confidence=confidence, n_effective=worth)

    return at


def ratio_of_medians(ones: Sequence[float], others: Sequence[float]) -> Inference:
    """The median of the ones over that of the others: how many times as long. Its bounds hold both together."""

    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import Estimate, Samples, no_data, statistic

        if not ones or not others:
            return no_data("1")
        both = (1 + confidence) / 2  # half of the error each
        above, below = (
            statistic(Samples.of("ms", times, "ms"), "median", confidence=both) for times in (ones, others)
        )
        return Estimate(
            above.value / below.value if below.value else float("nan"),
            "1",
            min(above.n, below.n),
            low=above.low / below.high if above.low and below.high else None,
            high=above.high / below.low if above.high and below.low else None,
            confidence=confidence,
            method="ratio of medians",
            at_least=0.0,
        )

    return at


def _as_float(value: float) -> float:
    """A reply's number; one beyond all floats is infinite, so that no gate can pass on it."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _unit(name: str) -> str:
    from pynomaly_itest.shapes import unit_of

    return unit_of(name) or "1"
