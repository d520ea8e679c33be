"""The two sides of a comparison: a plain value, or a measurement with its interval, each with its unit.

Among the values that steps save, `Samples` are asked for a statistic, an `Estimate` stands as it is, and a
function of the confidence gives the estimate that a gate of that confidence asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.measure import Absence, Doubt, Estimate, Samples, exact, slope, statistic
from pynomaly_itest.profile.expression import (
    ListOf,
    Literal,
    Name,
    Node,
    Statistic,
    dig,
    statistic_of,
    unit_of_name,
)

_ASIDE = ("n", "stddev", "slope")
"""Statistics that don't rise with every value: how many there are is known, of the others nothing is."""


@dataclass(frozen=True)
class Operand:
    """A value in `unit`; `estimate` where it was measured rather than given.

    `samples` and `quantile`: for a quantile of a series, whose limit is judged by what lies beyond it.
    `doubt`: why the value may not be what it should.
    """

    value: Any
    unit: str | None = None
    estimate: Estimate | None = None
    samples: Samples | None = None
    quantile: float | None = None
    doubt: Doubt | None = None

    @property
    def is_measured(self) -> bool:
        return self.estimate is not None


@dataclass(frozen=True)
class Missing:
    """There is no value; `reason` says why, for the report."""

    reason: str


def operand_of(node: Node, values: Mapping[str, Any], confidence: float) -> Operand | Missing:
    """The operand that a literal, list or name stands for."""
    match node:
        case Literal(value, unit):
            return Operand(value, unit)
        case ListOf(items):
            return Operand([item.value for item in items if isinstance(item, Literal)])
        case Name(parts):
            return _named(parts, values, confidence)
        case _:
            raise TypeError("a condition can't be compared with a value")


def _named(parts: tuple[str, ...], values: Mapping[str, Any], confidence: float) -> Operand | Missing:
    value: Any = values
    for depth, part in enumerate(parts):
        if isinstance(value, Samples):
            return _statistic(value, statistic_of(parts[depth:]), parts, confidence)
        if isinstance(value, Absence):
            return Missing(value.reason)
        try:
            value = dig(value, (part,))
        except KeyError:
            return Missing(
                f"{'.'.join(parts[: depth + 1])!r} has no value: nothing was measured or saved there"
            )
    if isinstance(value, Absence):
        return Missing(value.reason)
    if callable(value):
        value = value(confidence)
    if isinstance(value, Estimate):
        return Operand(value.value, value.unit, value, doubt=value.doubt)
    return Operand(value, unit_of_name(parts))


def _statistic(
    samples: Samples, asked: Statistic | None, parts: tuple[str, ...], confidence: float
) -> Operand | Missing:
    if asked is None:
        return Missing(f"{'.'.join(parts)!r} asks a series for what is no statistic")
    confidence = samples.confidence(confidence)
    match asked.name:
        case "n":
            estimate = exact(samples.n, "1", samples.n)
        case "slope":
            estimate = slope(samples, confidence=confidence)
        case name:
            estimate = statistic(samples, name, confidence=confidence)
    quantile = 0.5 if asked.name == "median" else asked.quantile
    doubt = samples.doubt
    if doubt is not None and asked.name in _ASIDE:
        doubt = None if asked.name == "n" else Doubt(doubt.reason)
    return Operand(estimate.value, asked.unit(samples.unit), estimate, samples, quantile, doubt)
