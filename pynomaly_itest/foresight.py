"""Says of a plan, before it runs, which gates it can't decide: how many samples each needs, and how many it gets.

A limit on a quantile allows a share of samples beyond it; a limit on a ratio is such a share itself. How many
independent samples show that the share is kept follows from the binomial distribution alone, without any run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pynomaly_itest.errors import Mistake
from pynomaly_itest.measure.quantiles import CERTAIN_ENOUGH, samples_needed
from pynomaly_itest.profile.expression import (
    And,
    Compare,
    Literal,
    Name,
    Node,
    Not,
    Or,
    convert,
    lookup_in,
    statistic_of,
    unit_of_name,
    write,
)
from pynomaly_itest.profile.model import Gate, Plan, Scenario, StepCall
from pynomaly_itest.profile.walk import as_known
from pynomaly_itest.registry import STEPS
from pynomaly_itest.step_kind import PlannedSamples

_MOST = 10_000_000
_RATIO = "_ratio"


@dataclass(frozen=True)
class Foresight:
    """What one comparison of a gate needs, in samples: of independent ones, at the gate's confidence.

    `least`: for a pass where nothing at all lies beyond the limit. `planned`: what the plan will take.
    `allowed`: the share (0 to 1) that may lie beyond.
    """

    scenario: str
    gate: Gate
    compared: str
    allowed: float
    confidence: float
    least: int
    planned: PlannedSamples
    step: StepCall

    @property
    def is_enough(self) -> bool:
        return self.planned.n >= self.least

    def at_half(self) -> int | None:
        """Samples for a pass where half of the allowed share lies beyond; None: over ten million."""
        return _least_n(lambda n: self._bound(n, self.allowed / 2, upper=True) <= self.allowed, self.least)

    def at_double(self) -> int | None:
        """Samples for a failure where twice the allowed share lies beyond."""
        double = min(1.0, 2 * self.allowed)
        return _least_n(lambda n: self._bound(n, double, upper=False) > self.allowed, 1)

    def _bound(self, n: int, share: float, *, upper: bool) -> float:
        from scipy.special import betaincinv

        tail, beyond = (1 - self.confidence) / 2, math.ceil(n * share) if upper else math.floor(n * share)
        if upper:
            return 1.0 if beyond >= n else float(betaincinv(beyond + 1, n - beyond, 1 - tail))
        return 0.0 if beyond <= 0 else float(betaincinv(beyond, n - beyond + 1, tail))

    def summary(self) -> list[str]:
        """Samples taken and needed, in lines of less than 70 columns."""
        half, double = _count(self.at_half()), _count(self.at_double())
        few, many = 100 * self.allowed / 2, 200 * self.allowed
        return [
            f"gets about {self.planned.n:,} samples; needs {self.least:,} at best, typically {half} to",
            f"pass with {few:.3g} % beyond the limit, {double} to fail with {many:.3g} %",
        ]

    @property
    def remedy(self) -> str:
        """What to write in the profile for the best case to be enough."""
        factor = self.least / max(1, self.planned.n)
        wanted = self.planned.value * factor * 1.05 if self.planned.is_span else self.planned.value * factor
        return f"raise {self.planned.field} to {math.ceil(wanted)}{' s' if self.planned.is_span else ''}"

    def warning(self) -> Mistake:
        """The gate can't pass, however good the target is."""
        message = (
            f"{self.compared!r} needs at least {self.least:,} samples, {self.step.kind} takes about "
            f"{self.planned.n:,}: {self.remedy}"
        )
        told = self.gate.source.mistake(message, "as it is, the gate can't pass")
        return replace(told, is_warning=True)


def warnings(plan: Plan) -> list[Mistake]:
    """What can be told before the run that the profile's author would want to know; the same place only once."""
    found = [each.warning() for each in foresee(plan) if not each.is_enough]
    found += [note for scenario in plan.scenarios for call in scenario.steps for note in _arrivals(call)]
    by_place = {(one.place, one.source_line): one for one in reversed(found)}
    return sorted(
        by_place.values(), key=lambda one: (one.place.file, one.place.line) if one.place else ("", 0)
    )


def _arrivals(call: StepCall) -> Iterator[Mistake]:
    """Replies are dealt to the wrong request when two are in flight at once, which even arrivals may never be."""
    evenly = call.config.get("executor", "constant-arrival-rate") == "constant-arrival-rate"
    if call.kind == "load" and call.config.get("verify") and evenly and "shape" not in call.config:
        message = "'verify' with evenly spaced arrivals may never see two requests meet"
        hint = "executor: poisson-arrivals lets them meet, as independent users do"
        yield replace(call.source.mistake(message, hint), is_warning=True)


def foresee(plan: Plan) -> Iterator[Foresight]:
    """What each gate on a quantile or a ratio needs, and what it gets, where both are known before the run."""
    for scenario in plan.scenarios:
        yield from foresee_scenario(scenario, plan.confidence, plan.min_samples or 1)


def foresee_scenario(scenario: Scenario, confidence: float, min_samples: int) -> Iterator[Foresight]:
    """The same for one scenario; `confidence` and `min_samples` hold where a gate doesn't say its own."""
    known = {"benchmarks": scenario.benchmarks, "vars": scenario.vars, "matrix": scenario.matrix}
    calls = {call.save: call for call in (*scenario.setup, *scenario.steps) if call.save is not None}
    for gate in scenario.gates:
        sure = gate.confidence or confidence
        for compare in _comparisons(gate.expression.ast):
            demand = _demand(compare, known, sure)
            call = calls.get(demand.step) if demand else None
            planned = _planned(call, known) if call else None
            if demand is not None and call is not None and planned is not None:
                least = max(demand.least, gate.min_samples or min_samples)
                compared = write(compare)
                yield Foresight(scenario.id, gate, compared, demand.allowed, sure, least, planned, call)


@dataclass(frozen=True)
class _Demand:
    """Of which step's samples a comparison asks, which share of them may lie beyond, and the fewest for a pass."""

    step: str
    allowed: float
    least: int


def _comparisons(node: Node) -> Iterator[Compare]:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _comparisons(part)
        case Not(part):
            return  # what passes is then that the limit is broken
        case Compare():
            yield node


def _demand(compare: Compare, known: Mapping[str, Any], confidence: float) -> _Demand | None:
    name, op = compare.left, compare.op
    if not isinstance(name, Name) or len(name.parts) < 2 or op not in ("<", "<=", ">", ">="):
        return None
    is_upper = op in ("<", "<=")
    asked = statistic_of(name.parts[2:])
    quantile = None if asked is None else 0.5 if asked.name == "median" else asked.quantile
    if quantile is not None and 0 < quantile < 1:
        allowed = 1 - quantile if is_upper else quantile
        return _Demand(name.parts[0], allowed, samples_needed(1 - allowed, max(confidence, CERTAIN_ENOUGH)))
    if len(name.parts) == 2 and name.parts[1].endswith(_RATIO):
        share = _number(compare.right, known)
        allowed = 0.0 if share is None else share if is_upper else 1 - share
        if 0 < allowed < 1:
            return _Demand(name.parts[0], allowed, samples_needed(1 - allowed, 1 - (1 - confidence) / 2))
    return None


def _number(node: Node, known: Mapping[str, Any]) -> float | None:
    """A limit as a share: a literal, or what a benchmark, variable or cell says."""
    value: Any = None
    unit: str | None = None
    if isinstance(node, Literal):
        value, unit = node.value, node.unit
    elif isinstance(node, Name):
        try:
            value, unit = lookup_in(known)(node.parts), unit_of_name(node.parts)
        except KeyError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return convert(float(value), unit, "1")


def _planned(call: StepCall, known: Mapping[str, Any]) -> PlannedSamples | None:
    return STEPS[call.kind].planned_samples(as_known(call.config, known))


def _count(n: int | None) -> str:
    return f"over {_MOST:,}" if n is None else f"{n:,}"


def _least_n(is_enough: Callable[[int], bool], start: int) -> int | None:
    """The least n from which on `is_enough` holds (it holds ever more as n doubles); None beyond ten million."""
    top = max(1, start)
    while not is_enough(top):
        top *= 2
        if top > _MOST:
            return None
    low = max(start, top // 2)
    while low < top:
        middle = (low + top) // 2
        low, top = (low, middle) if is_enough(middle) else (middle + 1, top)
    return top
