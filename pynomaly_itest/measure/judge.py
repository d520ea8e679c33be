"""The one function that holds a measurement against a limit. Three answers; no data is never a pass.

passed: the whole interval is on the right side. failed: the whole interval is on the wrong side.
inconclusive: the interval straddles the limit, or there is too little to say anything.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pynomaly_itest.measure.estimate import Estimate
from pynomaly_itest.verdicts import Verdict

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

WORTH_TELLING = 30
"""So many times the samples may be asked for; a limit that would take more is too close to what was measured."""


@dataclass(frozen=True)
class Judgement:
    """What is concluded, why, and (where inconclusive) how many samples in all might settle it."""

    verdict: Verdict
    reason: str
    samples_to_settle: int | None = None


def judge(
    estimate: Estimate | None,
    op: Comparison,
    limit: float,
    *,
    confidence: float | None = None,
    min_samples: int = 1,
) -> Judgement:
    """Judge "estimate op limit". The limit is in the estimate's unit.

    confidence: what the gate asks for, an interval of less is inconclusive. min_samples: the fewest to judge.
    An exact estimate is compared as it is. An equality is about what was seen, so it is too; likewise a limit
    at the end of the range that the quantity can take ("error_ratio <= 0"). ValueError on an unknown op.
    """
    if op not in COMPARE:
        raise ValueError(f"unknown comparison {op!r}")
    missing = _too_little(estimate, limit, confidence, min_samples)
    if missing is not None or estimate is None:
        return missing or Judgement(Verdict.INCONCLUSIVE, "nothing was measured")
    if estimate.exact or op in ("==", "!=") or _at_the_end_of_range(estimate, op, limit):
        return _compared(estimate, op, limit)
    return _by_interval(estimate, op, limit)


def _too_little(
    estimate: Estimate | None, limit: float, confidence: float | None, min_samples: int
) -> Judgement | None:
    """Why nothing can be said at all, if so."""
    if estimate is None or estimate.n <= 0:
        return Judgement(Verdict.INCONCLUSIVE, "no samples: nothing was measured", max(1, min_samples))
    if math.isnan(estimate.value):
        return Judgement(Verdict.INCONCLUSIVE, "the measured value is not a number")
    if not math.isfinite(limit):
        return Judgement(Verdict.INCONCLUSIVE, "the limit is not a finite number")
    if estimate.n < min_samples:
        return Judgement(
            Verdict.INCONCLUSIVE, f"{_samples(estimate.n)}, at least {min_samples} are asked for", min_samples
        )
    if not estimate.exact and confidence is not None and (estimate.confidence or 0) < confidence:
        if estimate.confidence is None:
            why = estimate.note or f"no interval can be given: {estimate.method}"
            return Judgement(Verdict.INCONCLUSIVE, f"{why} ({_samples(estimate.n)})")
        held, asked = _percent(estimate.confidence), _percent(confidence)
        return Judgement(Verdict.INCONCLUSIVE, f"the interval holds with {held}, {asked} is asked for")
    return None


def _at_the_end_of_range(estimate: Estimate, op: str, limit: float) -> bool:
    """No interval reaches beyond the range of a quantity, so none could ever settle a limit at its end."""
    return (op == "<=" and limit == estimate.at_least) or (op == ">=" and limit == estimate.at_most)


def _compared(estimate: Estimate, op: str, limit: float) -> Judgement:
    holds = COMPARE[op](estimate.value, limit)
    if holds and not math.isfinite(estimate.value):
        return Judgement(Verdict.INCONCLUSIVE, "the measured value is not a finite number")
    if holds:
        return Judgement(Verdict.PASSED, f"{_number(estimate.value)} {op} {_number(limit)}")
    told = f": {estimate.note}" if estimate.note else ""
    return Judgement(Verdict.FAILED, f"{_number(estimate.value)} {_opposite(op)} {_number(limit)}{told}")


def _by_interval(estimate: Estimate, op: str, limit: float) -> Judgement:
    """For <, <=, >, >=: both bounds must be on one side."""
    compare, upper_bounded = COMPARE[op], op in ("<", "<=")
    doubtful, sure = (estimate.high, estimate.low) if upper_bounded else (estimate.low, estimate.high)
    shown = interval_text(estimate)
    if sure is not None and not compare(sure, limit):
        return Judgement(Verdict.FAILED, f"{shown} is wholly {_opposite(op)} {_number(limit)}")
    if doubtful is not None and compare(doubtful, limit):
        if estimate.n < estimate.least_n:
            reason = f"{_samples(estimate.n)} cannot certify a limit: at least {estimate.least_n} are needed"
            return Judgement(Verdict.INCONCLUSIVE, reason, estimate.least_n)
        return Judgement(Verdict.PASSED, f"{shown} is wholly {op} {_number(limit)}")
    needed = _samples_to_settle(estimate, doubtful if compare(estimate.value, limit) else sure, limit)
    if estimate.note and doubtful is None:
        return Judgement(Verdict.INCONCLUSIVE, estimate.note)
    told = f"{shown}, and the limit is {_number(limit)}: {to_settle(needed, estimate.n)}"
    return Judgement(Verdict.INCONCLUSIVE, f"{estimate.note}; {told}" if estimate.note else told, needed)


def to_settle(needed: int | None, n: int) -> str:
    """What would make a verdict of n samples that leave it open."""
    if needed is None:
        return "too close to tell, even from many times the samples"
    return f"about {_rounded(needed)} samples would tell, {needed / n:.2g} times as many"


def _rounded(count: int) -> int:
    """To two figures, upwards."""
    unit = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // unit) * unit


def _samples_to_settle(estimate: Estimate, bound: float | None, limit: float) -> int | None:
    """Intervals narrow with the square root of n; None where that would take too many."""
    if bound is None:
        return max(estimate.least_n, 2 * estimate.n)
    distance, reach = abs(estimate.value - limit), abs(estimate.value - bound)
    if not 1.1 * reach**2 < WORTH_TELLING * distance**2:
        return None
    needed = estimate.n * (reach / distance) ** 2 * 1.1
    return max(estimate.least_n, estimate.n + 1, math.ceil(needed))


def _opposite(op: str) -> str:
    return {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[op]


def interval_text(estimate: Estimate) -> str:
    """The value and where it lies; a bound that the samples do not give is said to be missing."""
    sureness = "" if estimate.confidence is None else f" at {_percent(estimate.confidence)}"
    return f"{_between(estimate.low, estimate.high)}{sureness} from {_samples(estimate.n)}"


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"[{_number(low)}, {_number(high)}]"
    if low is not None:
        return f"at least {_number(low)} (no upper bound yet)"
    return "no bound yet" if high is None else f"at most {_number(high)} (no lower bound yet)"


def _samples(n: int) -> str:
    return f"{n} sample" if n == 1 else f"{n} samples"


def _number(value: float) -> str:
    return f"{value:.6g}"


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
