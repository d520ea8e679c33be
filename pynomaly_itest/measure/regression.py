"""Is the candidate worse than the base, by how much, and how sure is that? The verdict of `compare` and baselines.

Two numbers a metric: `ignore` (smaller changes do not matter) and `forbid` (so large must not pass). Passed if the
change is surely under `forbid` (asked first), else failed if it is surely over `ignore`, else more pairs. Where part
of the figure is waiting that both sides share, what must be ruled out is what `forbid` comes to in the figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pynomaly_itest.measure.pairs import Effect, effect_of
from pynomaly_itest.measure.sequential import LOOKS, level_of_a_look, next_look, rejected_by_holm
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

DEFAULT_ERROR = 0.01
"""Of passing what is as bad as `forbid`."""

FALSE_ALARM = 0.0001
"""Of failing what is no worse than `ignore`. The stricter of the two: who is stopped for nothing stops listening."""


@dataclass(frozen=True)
class Tolerance:
    """Relative changes for the worse: 0.02 is 2 %. Raises ValueError unless 0 <= ignore < forbid."""

    ignore: float = 0.02
    forbid: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.ignore < self.forbid:
            raise ValueError(f"ignore ({self.ignore}) must be below forbid ({self.forbid}), and not below 0")


@dataclass(frozen=True)
class PairedMetric:
    """One metric of all process pairs so far.

    clusters: for each pair its log ratios candidate / base (see `pairs`). worse: which direction is the bad one.
    waiting_share: of the base's figure, how much is no work of either side but waiting that both share, 0 to 1: a
    change of the work by c shows as c times the rest only.
    """

    name: str
    clusters: Sequence[FloatArray]
    tolerance: Tolerance = Tolerance()
    worse: Literal["higher", "lower"] = "higher"
    waiting_share: float = 0.0

    @property
    def forbid_as_it_shows(self) -> float:
        """What a change of the work as large as `forbid` comes to in the figure."""
        return self.tolerance.forbid * (1 - self.waiting_share)


@dataclass(frozen=True)
class Comparison:
    """What is concluded about one metric. Changes are relative and for the worse: 0.05 is 5 % worse.

    low, high: what the change is surely above and under, each at the confidence that its verdict takes: `low` is
    the surer one. smallest_seen: the least worsening that this run could have told from `ignore` in nine of ten
    cases. next_look: pairs at which to look again, if undecided.
    """

    name: str
    verdict: Verdict
    reason: str
    change: float
    low: float | None
    high: float | None
    pairs: int
    smallest_seen: float | None
    next_look: int | None


def compare(
    metrics: Sequence[PairedMetric],
    *,
    decided: Mapping[str, Comparison] | None = None,
    error: float = DEFAULT_ERROR,
    false_alarm: float = FALSE_ALARM,
    is_last: bool = False,
) -> tuple[Comparison, ...]:
    """Judge all metrics at a planned look; what was decided at an earlier look stands.

    error: probability, for each metric, that it passes though it is as bad as its `forbid`. false_alarm: that any
    metric fails though none is worse than its `ignore` (shared by Holm). Between looks nothing is decided, unless
    it is the last one: time was up, and this look stands for all that would have followed.
    """
    decided = decided or {}
    effects = {metric.name: effect_of(_as_worsening(metric)) for metric in metrics}
    p_failed = {
        metric.name: effect.p_above(math.log1p(metric.tolerance.ignore))
        for metric in metrics
        if (effect := effects[metric.name]) is not None
    }
    # m counts every metric, also one decided before or without data: fewer would be a laxer test
    absent = {metric.name: 1.0 for metric in metrics if metric.name not in p_failed}
    before = {name: 0.0 for name, old in decided.items() if old.verdict is Verdict.FAILED}
    failed = rejected_by_holm({**p_failed, **absent, **before}, false_alarm)
    rule = _Rule(level_of_a_look(error), level_of_a_look(false_alarm), is_last)
    return tuple(
        decided[metric.name]
        if metric.name in decided and decided[metric.name].verdict is not Verdict.INCONCLUSIVE
        else _judged(metric, effects[metric.name], rule, is_failed=metric.name in failed)
        for metric in metrics
    )


@dataclass(frozen=True)
class _Rule:
    """One-sided levels of this look: to pass, and to fail where there is one metric. is_last: of a time that is up."""

    to_pass: float
    to_fail: float
    is_last: bool


def _as_worsening(metric: PairedMetric) -> list[FloatArray]:
    sign = 1.0 if metric.worse == "higher" else -1.0
    return [sign * cluster for cluster in metric.clusters]


def _judged(metric: PairedMetric, effect: Effect | None, rule: _Rule, *, is_failed: bool) -> Comparison:
    if effect is None:
        reason = "fewer than two process pairs with usable figures"
        nan = float("nan")
        return Comparison(metric.name, Verdict.INCONCLUSIVE, reason, nan, None, None, 0, None, LOOKS[0])
    low, high = effect.bound(rule.to_fail, upper=False), effect.bound(rule.to_pass, upper=True)
    found = Comparison(
        name=metric.name,
        verdict=Verdict.INCONCLUSIVE,
        reason="",
        change=math.expm1(effect.value),
        low=None if low is None else math.expm1(low),
        high=None if high is None else math.expm1(high),
        pairs=effect.pairs,
        smallest_seen=_smallest_seen(effect, rule.to_fail, metric.tolerance),
        next_look=next_look(effect.pairs),
    )
    ignore, forbid = _percent(metric.tolerance.ignore), _percent(metric.tolerance.forbid)
    if effect.pairs not in LOOKS and not (rule.is_last and effect.pairs > LOOKS[0]):
        return _concluded(found, Verdict.INCONCLUSIVE, f"{effect.pairs} pairs are no planned look")
    if effect.p_below(math.log1p(metric.forbid_as_it_shows)) <= rule.to_pass:
        return _concluded(found, Verdict.PASSED, f"surely less than {forbid} worse")
    if is_failed:
        return _concluded(
            found, Verdict.FAILED, f"surely more than {ignore} worse, {forbid} is not ruled out"
        )
    if effect.p_below(math.log1p(metric.tolerance.forbid)) <= rule.to_pass:
        hidden = f"{metric.waiting_share:.0%} of it was waiting for a processor, which hides a change"
        shown = f"{forbid} of the work would show as {_percent(metric.forbid_as_it_shows)}"
        return _concluded(found, Verdict.INCONCLUSIVE, f"{hidden}: {shown}, not ruled out")
    return _concluded(found, Verdict.INCONCLUSIVE, f"neither under {forbid} nor over {ignore} for sure")


def _concluded(found: Comparison, verdict: Verdict, reason: str) -> Comparison:
    more = found.next_look if verdict is Verdict.INCONCLUSIVE else None
    change = f"{found.change * 100:+.2f} %"
    interval = f"{_between(found.low, found.high)} from {found.pairs} pairs"
    return replace(found, verdict=verdict, reason=f"{change} {interval}: {reason}", next_look=more)


def _smallest_seen(effect: Effect, level: float, tolerance: Tolerance) -> float | None:
    """`ignore` plus the reach of the interval, and as much again as a power of 90 % takes."""
    low = effect.bound(level, upper=False)
    shifted = effect.bound(0.1, upper=False)
    if low is None or shifted is None:
        return None
    return math.expm1(math.log1p(tolerance.ignore) + (effect.value - low) + (effect.value - shifted))


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _between(low: float | None, high: float | None) -> str:
    """The interval of the change; a bound that the pairs do not give is left out."""
    if low is None:
        return "without an interval" if high is None else f"at most {_signed(high)}"
    return f"at least {_signed(low)}" if high is None else f"[{_signed(low)}, {_signed(high)}]"


def _signed(change: float) -> str:
    return f"{change * 100:+.2f} %"
