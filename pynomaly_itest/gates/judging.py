"""Judges a condition in three values: it holds, it does not, or there is not enough evidence to say.

and, or and not follow Kleene's strong logic: `failed and inconclusive` is failed, `passed or inconclusive` is
passed, and nothing makes a pass out of no data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, cast

from pynomaly_itest.differences import clipped, difference, is_long, size_of
from pynomaly_itest.gates.operands import Missing, Operand, operand_of
from pynomaly_itest.measure import Doubt, Estimate, Judgement, judge, judge_quantile
from pynomaly_itest.measure.judge import Comparison, interval_text
from pynomaly_itest.profile.expression import And, Compare, Expression, Node, Not, Or, convert, write
from pynomaly_itest.profile.expression.evaluator import holds
from pynomaly_itest.profile.expression.pattern import SubjectTooLong
from pynomaly_itest.verdicts import Verdict

Ordered = Literal["<", "<=", ">", ">="]
_ORDERED = ("<", "<=", ">", ">=")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
}


@dataclass(frozen=True)
class Judged:
    """The outcome of a condition; `observed`, `limit` and `interval` (in `unit`) are of what decided it.

    `measured`: what `observed` is of, in the condition's words; None where that is the condition's left side.
    `is_absent`: there was nothing to compare, or nothing comparable.
    """

    verdict: Verdict
    reason: str
    observed: Any = None
    limit: Any = None
    op: str | None = None
    unit: str | None = None
    n: int | None = None
    interval: tuple[float, float] | None = None
    confidence: float | None = None
    is_absent: bool = False
    measured: str | None = None


class _Options(TypedDict):
    confidence: float
    min_samples: int


@dataclass(frozen=True)
class _Terms:
    """What a judgement may rest on."""

    values: Mapping[str, Any]
    confidence: float
    min_samples: int


def judge_condition(
    expression: Expression,
    values: Mapping[str, Any],
    *,
    confidence: float = 0.95,
    min_samples: int = 1,
    absent: Verdict = Verdict.INCONCLUSIVE,
) -> Judged:
    """Judge `expression` where its names have these (nested) values.

    absent: the verdict where a name has no value: inconclusive for a gate (nothing was measured), failed for an
    expectation of a single reply (the reply lacks what it should have).
    """
    judged = _node(expression.ast, _Terms(values, confidence, min_samples))
    if isinstance(expression.ast, Compare) and judged.measured == write(expression.ast.left):
        judged = replace(judged, measured=None)
    return replace(judged, verdict=absent) if judged.is_absent else judged


def _absent(reason: str, **fields: Any) -> Judged:
    """Unknown until the whole condition is judged: `not` must not make a pass of what isn't there."""
    return Judged(Verdict.INCONCLUSIVE, reason, is_absent=True, **fields)


def _node(node: Node, terms: _Terms) -> Judged:
    match node:
        case And(parts):
            return _first([_node(part, terms) for part in parts], Verdict.FAILED, Verdict.PASSED)
        case Or(parts):
            return _first([_node(part, terms) for part in parts], Verdict.PASSED, Verdict.FAILED)
        case Not(Compare(left, op, right, span)) if op in _NEGATED:
            return _node(Compare(left, _NEGATED[op], right, span), terms)
        case Not(part):
            return _negated(_node(part, terms))
        case Compare(left, op, right):
            return _comparison(left, op, right, terms)
        case _:
            return replace(_truth(node, terms), measured=write(node))


def _first(judged: list[Judged], decisive: Verdict, neutral: Verdict) -> Judged:
    """The part that decides: one with the decisive verdict, else one that leaves it open, else any."""
    for verdict in (decisive, Verdict.ERROR, Verdict.INCONCLUSIVE, neutral):
        for part in sorted(judged, key=lambda part: not part.is_absent):
            if part.verdict is verdict:
                return part
    raise AssertionError("a condition has at least one part")


def _negated(judged: Judged) -> Judged:
    flipped = {Verdict.PASSED: Verdict.FAILED, Verdict.FAILED: Verdict.PASSED}
    return replace(judged, verdict=flipped.get(judged.verdict, judged.verdict))


def _truth(node: Node, terms: _Terms) -> Judged:
    """A name that is itself true or false."""
    value = operand_of(node, terms.values, terms.confidence)
    if isinstance(value, Missing):
        return _absent(value.reason)
    if not isinstance(value.value, bool):
        return _absent(f"{value.value!r} is neither true nor false", observed=value.value)
    verdict = Verdict.PASSED if value.value else Verdict.FAILED
    return Judged(verdict, f"is {str(value.value).lower()}", observed=value.value, limit=True, op="==")


def _comparison(left: Node, op: str, right: Node, terms: _Terms) -> Judged:
    """The comparison, read so that what was measured stands on the left: `100 >= a` is `a <= 100`."""
    one = operand_of(left, terms.values, terms.confidence)
    other = operand_of(right, terms.values, terms.confidence)
    for side in (one, other):
        if isinstance(side, Missing):
            return _absent(side.reason, op=op, limit=getattr(other, "value", None), measured=write(left))
    assert isinstance(one, Operand)  # noqa: S101 - the loop above returned for the other case
    assert isinstance(other, Operand)  # noqa: S101
    if other.is_measured and not one.is_measured and op in _MIRRORED:
        one, other, op, left = other, one, _MIRRORED[op], right
    try:
        if one.estimate is not None and op in _MIRRORED:
            return replace(_measured(one, one.estimate, op, other, terms), measured=write(left))
        return replace(_plain(one, op, other), measured=write(left))
    except SubjectTooLong as problem:  # our limit, and no failure of the target
        return Judged(Verdict.ERROR, str(problem), op=op, limit=other.value, measured=write(left))
    except (
        TypeError,
        ValueError,
        OverflowError,
    ) as problem:  # a text too long to be searched, an endless number
        return _absent(str(problem), observed=one.value, limit=other.value, op=op, measured=write(left))


def _measured(one: Operand, estimate: Estimate, op: str, other: Operand, terms: _Terms) -> Judged:
    """A measurement against a limit."""
    limit = other.value
    if not isinstance(limit, int | float) or isinstance(limit, bool):
        raise TypeError(f"a measured number can't be compared with {limit!r}")
    limit = convert(float(limit), other.unit, one.unit)
    if other.estimate is None or other.estimate.exact or op not in _ORDERED:
        judged = _held_against(one, estimate, op, limit, terms)
    else:
        judged = _held_against_measured(one, estimate, op, other, other.estimate, terms)
    judged = _as_far_as_sure(judged, op, one.doubt, other.doubt)
    if judged.verdict is Verdict.INCONCLUSIVE and one.doubt is not None and one.quantile is not None:
        judged = _broken_even_without(one, one.doubt, op, other, limit, terms) or judged
    bounded = estimate.low is not None and estimate.high is not None
    return Judged(
        judged.verdict,
        judged.reason,
        observed=estimate.value if estimate.n else None,
        limit=limit,
        op=op,
        unit=one.unit,
        n=estimate.n,
        interval=(estimate.low, estimate.high) if bounded else None,  # type: ignore[arg-type]
        confidence=estimate.confidence,
    )


_NOTHING = Estimate(float("nan"), "1", 0)
_STANDS = {
    ("high", "<"): Verdict.PASSED,
    ("high", "<="): Verdict.PASSED,
    ("high", ">"): Verdict.FAILED,
    ("high", ">="): Verdict.FAILED,
    ("low", "<"): Verdict.FAILED,
    ("low", "<="): Verdict.FAILED,
    ("low", ">"): Verdict.PASSED,
    ("low", ">="): Verdict.PASSED,
}
"""Of a value that lies on this side of the truth, the one verdict that the truth would not change."""


def _as_far_as_sure(judged: Judgement, op: str, doubt: Doubt | None, of_limit: Doubt | None) -> Judgement:
    """The judgement, if it stands in spite of what makes the measurement (or a measured limit) doubtful."""
    if judged.verdict is Verdict.INCONCLUSIVE or (doubt is None and of_limit is None):
        return judged
    if of_limit is None and doubt is not None and judged.verdict is _STANDS.get((doubt.side, op)):
        return judged
    why = (doubt or of_limit or Doubt("")).reason
    return Judgement(Verdict.INCONCLUSIVE, f"{judged.reason}; but {why}")


def _broken_even_without(
    one: Operand, doubt: Doubt, op: str, other: Operand, limit: float, terms: _Terms
) -> Judgement | None:
    """A failure that stands because the measurement fails without its doubtful part too; None where it does not."""
    if doubt.without is None or op not in ("<", "<=") or other.estimate is not None:
        return None
    judged = _held_against(replace(one, samples=doubt.without), _NOTHING, op, limit, terms)
    return judged if judged.verdict is Verdict.FAILED else None


def _held_against(one: Operand, estimate: Estimate, op: str, limit: float, terms: _Terms) -> Judgement:
    """A quantile's limit is judged by the samples beyond it, everything else by its interval."""
    options: _Options = {"confidence": terms.confidence, "min_samples": terms.min_samples}
    if one.samples is not None and one.quantile is not None and 0 < one.quantile < 1 and op in _ORDERED:
        options["confidence"] = one.samples.confidence(terms.confidence)
        return judge_quantile(one.samples, one.quantile, cast(Ordered, op), limit, **options)
    return judge(estimate, cast(Comparison, op), limit, **options)


def _held_against_measured(
    one: Operand, estimate: Estimate, op: str, other: Operand, uncertain: Estimate, terms: _Terms
) -> Judgement:
    """A limit that was measured is itself uncertain: a pass holds at its nearer bound, a failure at its farther one."""
    bounds = [uncertain.low, uncertain.high]
    if op in (">", ">="):
        bounds.reverse()
    for bound, verdict in zip(bounds, (Verdict.PASSED, Verdict.FAILED), strict=True):
        if bound is not None and uncertain.n >= max(terms.min_samples, uncertain.least_n):
            judged = _held_against(one, estimate, op, convert(bound, other.unit, one.unit), terms)
            if judged.verdict is verdict:
                return judged
    unsure = replace(
        uncertain,
        low=None if uncertain.low is None else convert(uncertain.low, other.unit, one.unit),
        high=None if uncertain.high is None else convert(uncertain.high, other.unit, one.unit),
    )
    reason = (
        f"the limit is a measurement too, {interval_text(unsure)}: more samples of either may tell them apart"
    )
    return Judgement(Verdict.INCONCLUSIVE, reason)


def _plain(one: Operand, op: str, other: Operand) -> Judged:
    """Single values: a status, a text, a flag."""
    true = holds(one.value, op, other.value, one.unit, other.unit)
    if true and not (_is_finite(one.value) and _is_finite(other.value)):
        raise ValueError("a value that is not a finite number meets no condition")
    verdict = Verdict.PASSED if true else Verdict.FAILED
    said = "holds" if true else "does not hold"
    limit = _in_unit(other, one.unit)
    unlike = difference(one.value, limit) if is_long(one.value) or is_long(limit) else None
    return Judged(
        verdict,
        unlike.text if unlike and not true else f"{_show(one.value)} {op} {_show(limit)} {said}",
        observed=unlike.left if unlike else _short(one.value),
        limit=unlike.right if unlike else _short(limit),
        op=op,
        unit=one.unit or other.unit,
        n=1,
    )


def _is_finite(value: Any) -> bool:
    """False for the NaN and Infinity that no JSON may hold, and that some targets send all the same."""
    return not isinstance(value, float) or math.isfinite(value)


def _in_unit(other: Operand, unit: str | None) -> Any:
    """A limit as it is shown beside what was observed: of 0.1 and 1 %, the latter is 0.01."""
    value = other.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return convert(value, other.unit, unit)


def _show(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return size_of(value) if is_long(value) else clipped(text, 118)


def _short(value: Any) -> Any:
    """A list of thousands of scores is told by its length: it is evidence of nothing, and fills the log."""
    return size_of(value) if is_long(value) else value
