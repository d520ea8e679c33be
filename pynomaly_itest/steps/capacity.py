"""The highest arrival rate at which the target keeps its objectives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence, StepFailed
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.load_curves import curves_of_capacity
from pynomaly_itest.steps.load_limits import Span, objectives_of
from pynomaly_itest.steps.load_requests import (
    MixPart,
    Part,
    Verify,
    asked_alone,
    calibration,
    check_lifetime,
    prepared,
    verified,
)
from pynomaly_itest.steps.load_values import creates

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint, LoadPlan, LoadResult
    from pynomaly_itest.load.capacity import Found
    from pynomaly_itest.load.levels import Level
    from pynomaly_itest.load.objectives import Objective
    from pynomaly_itest.load.search import Bounds
    from pynomaly_itest.measure import Estimate

_WARM_UP_S = 0.5
_SHORTEST_LEVEL_S = 4.0
_IN_A_ROW = 3
_SLACK_MS = 5.0
_PAUSE_S = 0.1
_PATIENCE_S = 15.0
"""How long a target has to become well again after a rate that broke it."""


@STEPS.register("capacity")
class Capacity(Step):
    """Find the boundary between the rates that the target carries within its objectives and those that it does not.

    From `from` on the rate is doubled until an objective breaks, then the gap is bisected down to `precision`, and
    both of its sides are tested again. A level holds where its objectives do and the target keeps up: where answers
    fall behind arrivals, or the median latency surely grows, it is held again, up to three times, and is broken if
    that goes on. A low rate is held as long as the objectives' quantile needs. `rate` is the highest rate that held;
    its interval ends at the highest one proven to hold (all its tests together, at the confidence asked for) and
    the lowest one that broke each time. Where the generator is what breaks, the result is inconclusive and says so.
    """

    summary: ClassVar[str] = "the highest arrival rate at which objectives hold, with its interval"
    exclusive: ClassVar[bool] = True
    measures: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.STRESSES
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("request", "mix.request")
    raw_nested: ClassVar[str | None] = "request"

    request: dict[str, Any] | None = Field(None, description="a step ({predict: {…}}) or a raw request")
    mix: list[MixPart] | None = Field(None, description="several kinds of requests by weight")
    objectives: dict[str, str | float] = Field(
        min_length=1, description="{latency_ms.p99: 100ms, error_ratio: 0.1%, wrong_ratio: 0}"
    )
    first: str | float = Field(1.0, alias="from", description="the first arrival rate: 20/s")
    to: str | float = Field(description="the highest rate that is tested: 1000/s")
    level: str | float = Field(
        "4s", description="how long a rate is held at least; low ones as long as their quantile needs"
    )
    arrivals: Literal["poisson", "constant"] = Field(
        "poisson", description="at random, as independent users come, or evenly spaced"
    )
    budget: Span = Field("60s", description="how long the search may take in all")
    precision: str | float = Field("10%", description="how near the two sides of the boundary must come")
    timeout: Span = Field("5s", description="for one request")
    verify: bool | Verify = Field(
        False, description="compare every answer with what the same body is answered alone"
    )
    max_in_flight: int = Field(1000, ge=1, description="connections; beyond it arrivals wait")
    workers: int = Field(1, ge=1, le=16, description="generator processes")
    draw: Literal["uniform", "in-order", "zipf"] = "uniform"
    check_every: int = Field(20, ge=1, description="check the body of one in so many answers")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.NOTHING

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return math.inf

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        rates = {name: Scalar("number", "requests/s") for name in ("rate", "highest_held", "lowest_broken")}
        texts = {"reason": Scalar("string"), "course": Scalar("string"), "finished": Scalar("boolean")}
        return Record({**rates, **texts, "tests": Scalar("number", "1"), "requests": Scalar("number", "1")})

    @field_validator("level")
    @classmethod
    def _shows_growth(cls, level: str | float) -> str | float:
        if _seconds(level) < _SHORTEST_LEVEL_S:
            raise ValueError(
                f"must be at least {_SHORTEST_LEVEL_S:g}s: whether it keeps up is seen in whole seconds"
            )
        return level

    @field_validator("precision")
    @classmethod
    def _is_a_share(cls, precision: str | float) -> str | float:
        if not 0.01 <= parse_quantity(precision, "1") <= 1:
            raise ValueError(f"must be 1% to 100%, not {precision}")
        return precision

    @model_validator(mode="after")
    def _makes_sense(self) -> Capacity:
        if (self.request is None) == (self.mix is None):
            raise ValueError("a capacity search has either 'request' or 'mix'")
        if any(creates(part.request) for part in self._parts()):
            raise ValueError(
                "a capacity search can't send what creates things: nobody knows how many it would be"
            )
        objectives_of(self.objectives)
        if any(name == "wrong_ratio" for name in self.objectives) and self.verify is False:
            raise ValueError("the objective wrong_ratio needs 'verify: true'")
        bounds = self._bounds()
        if not 0 < bounds.first <= bounds.most:
            raise ValueError(f"'from' must be above 0 and at most 'to': {self.first} and {self.to}")
        return self

    async def run(self, context: StepContext) -> Values:
        if context.target.info.kind == "inprocess":
            raise CannotMeasure(
                "a platform in this process has no socket to put load on", hint="--target bundled"
            )
        await calibration(context)  # it takes a while: before anything is asked for that runs out
        budget_s = _seconds(self.budget)
        parts = await prepared(self._parts(), context, self.draw, self.check_every, budget_s)
        check_lifetime(budget_s, context)
        if self.verify is not False:
            parts = await verified(parts, Verify() if self.verify is True else self.verify, context)
        found = await self._searched(parts, context)
        values = _values(found, objectives_of(self.objectives), context.confidence)
        if found.untold:
            raise NotEnoughEvidence(found.untold, values)
        return values

    async def _searched(self, parts: list[Part], context: StepContext) -> Found:
        from pynomaly_itest.load import run_load
        from pynomaly_itest.load.capacity import Search
        from pynomaly_itest.load.objectives import Abort

        known, objectives = await calibration(context), objectives_of(self.objectives)
        usual = await self._well(parts[0].endpoint, context, None)

        async def hold(rate: float, seconds: float) -> LoadResult:
            return await run_load(
                self._plan(parts, rate, seconds, context),
                calibration=known,
                confidence=context.confidence,
                abort=Abort(objectives, after_s=1.5),
                departures=context.target.departures,
            )

        async def settle() -> str | None:
            context.progress("waiting until the target is well again")
            return await self._amiss(parts[0].endpoint, usual, context)

        search = Search(
            bounds=self._bounds(),
            objectives=objectives,
            level_s=_seconds(self.level),
            budget_s=_seconds(self.budget),
            confidence=context.confidence,
            hold=hold,
            settle=settle,
            clock=context.clock,
            tell=context.progress,
        )
        return await search.run()

    async def _well(self, endpoint: Endpoint, context: StepContext, limit_ms: float | None) -> float:
        """How long the slowest of a few requests takes, one after the other; raises StepFailed where one fails."""
        slowest_ms = 0.0
        for _ in range(_IN_A_ROW):
            begun = context.clock()
            await asked_alone(endpoint, endpoint.bodies[0], context)
            slowest_ms = max(slowest_ms, 1000 * (context.clock() - begun))
            if limit_ms is not None and slowest_ms > limit_ms:
                break
        return slowest_ms

    async def _amiss(self, endpoint: Endpoint, usual_ms: float, context: StepContext) -> str | None:
        """Wait until single requests take about as long as before; what is amiss where that is not in time."""
        begun, limit_ms, amiss = context.clock(), 2 * usual_ms + _SLACK_MS, ""
        while context.clock() - begun < _PATIENCE_S:
            try:
                took_ms = await self._well(endpoint, context, limit_ms)
                amiss = f"a single request takes {took_ms:.0f} ms, before it took {usual_ms:.0f} ms"
                if took_ms <= limit_ms:
                    return None
            except StepFailed as problem:
                amiss = problem.message
            await context.sleep(_PAUSE_S)
        return amiss

    def _plan(self, parts: list[Part], rate: float, seconds: float, context: StepContext) -> LoadPlan:
        from pynomaly_itest.load import ConstantArrivalRate, LoadPlan, PoissonArrivals

        executor = PoissonArrivals if self.arrivals == "poisson" else ConstantArrivalRate
        return LoadPlan(
            url=context.target.info.url,
            tls=context.target.tls,
            endpoints=tuple(part.endpoint for part in parts),
            executor=executor(rate=rate, duration_s=seconds + _WARM_UP_S),
            warm_up_s=_WARM_UP_S,
            timeout_s=_seconds(self.timeout),
            max_in_flight=self.max_in_flight,
            workers=self.workers,
            seed=context.seed,
        )

    def _parts(self) -> list[MixPart]:
        return self.mix if self.mix is not None else [MixPart(request=self.request or {})]

    def _bounds(self) -> Bounds:
        from pynomaly_itest.load.search import Bounds

        first, most = parse_quantity(self.first, "/s"), parse_quantity(self.to, "/s")
        return Bounds(first, most, parse_quantity(self.precision, "1"))


def _values(found: Found, objectives: Sequence[Objective], confidence: float) -> Values:
    levels = [_told(level, objectives) for level in found.levels]
    limits = {o.statistic: o.limit for o in objectives if o.statistic is not None}
    return {
        **curves_of_capacity(levels, limits, found.held, found.broken),
        "rate": _rate(found, confidence),
        "reason": found.reason,
        "highest_held": found.held,
        "lowest_broken": found.broken,
        "finished": found.is_final,
        "levels": levels,
        "course": ", ".join(f"{level.rate:.4g} {level.verdict}" for level in found.levels),
        "tests": sum(len(level.results) for level in found.levels),
        "requests": sum(level.requests for level in found.levels),
    }


def _rate(found: Found, confidence: float) -> Estimate:
    """The highest rate that held, between the highest proven to hold and the lowest proven to break."""
    from pynomaly_itest.measure import Estimate

    low, note = found.low, ""
    if found.held is None and found.broken is not None:
        low = 0.0
    elif low is None:
        note = "no rate had requests enough to prove that it holds: raise the budget, or hold levels longer"
    elif found.high is None:
        note = f"at least {low:.4g}: {found.reason}"
    return Estimate(
        found.held or 0.0,
        "requests/s",
        sum(level.requests for level in found.levels),
        low,
        found.high,
        confidence,
        "retested boundary",
        at_least=0.0,
        note=note,
    )


def _told(level: Level, objectives: Sequence[Objective]) -> dict[str, Any]:
    """A tested level for the record: offered and achieved rate, latencies, errors, verdict, reason."""
    from pynomaly_itest.measure import Samples, statistic

    last = level.results[-1]
    latency = last.metrics["latency_ms"]
    quantiles = {"p50", "p99"} | {o.statistic for o in objectives if o.statistic is not None}
    return {
        "rate": level.rate,
        "verdict": level.verdict,
        "reason": level.reason,
        "runs": len(level.results),
        "requests": level.requests,
        "achieved": _mean([second.answered for second in last.seconds]),
        "good": _mean([second.good for second in last.seconds]),
        "failed": _mean([second.failed for second in last.seconds]),
        "outcomes": dict(last.outcomes),
        **{
            f"{name}_ms": statistic(latency, name).value
            if isinstance(latency, Samples) and latency.n
            else None
            for name in sorted(quantiles)
        },
    }


def _mean(by_second: Sequence[int]) -> float:
    """Of the whole seconds: the first and the last are parts of one."""
    whole = by_second[1:-1]
    return sum(whole) / len(whole) if whole else 0.0


def _seconds(span: str | float) -> float:
    return parse_quantity(span, "s")
