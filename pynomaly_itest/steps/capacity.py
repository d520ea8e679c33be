"""The highest arrival rate at which the target keeps its objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.load_curves import curves_of_capacity
from pynomaly_itest.steps.load_limits import objectives_of
from pynomaly_itest.steps.load_requests import MixPart, Part, Verify, calibration, prepared, verified
from pynomaly_itest.steps.load_values import CREATING

if TYPE_CHECKING:
    from pynomaly_itest.load import Calibration, LoadPlan, LoadResult
    from pynomaly_itest.load.levels import Level
    from pynomaly_itest.load.objectives import Objective
    from pynomaly_itest.load.search import Bounds
    from pynomaly_itest.measure import Estimate

_WARM_UP_S = 0.5
_SHORTEST_LEVEL_S = 4.0
_MOST_HOLDS = 3
_LAST_TESTS = 3
"""With time for no more than these, no finer boundary is sought, but the one there is proven."""
_MOST_TESTS = 6
"""Of one level, to prove that it holds."""
_OVERHEAD_S = 1.0
"""What a level takes beside its length: starting the generator, waiting for the last answers."""


@STEPS.register("capacity")
class Capacity(Step):
    """Find the boundary between the rates that the target carries within its objectives and those that it does not.

    From `from` on the rate is doubled until an objective breaks, then the gap is bisected down to `precision`, and
    both of its sides are tested again. A level counts once it is steady (seconds within 10 % of each other): it is
    held up to three times as long to become so, and one that never does is broken. `rate` is the highest rate
    that held; its interval ends at the highest one proven to hold (all its tests together, at the confidence
    asked for) and the lowest one that broke each time. Where the generator is what breaks, the result is
    inconclusive and says so.
    """

    summary: ClassVar[str] = "the highest arrival rate at which objectives hold, with its interval"
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("request", "mix.request")
    raw_nested: ClassVar[str] = "request"

    request: dict[str, Any] | None = Field(None, description="a step ({predict: {…}}) or a raw request")
    mix: list[MixPart] | None = Field(None, description="several kinds of requests by weight")
    objectives: dict[str, str | float] = Field(
        min_length=1, description="{latency_ms.p99: 100ms, error_ratio: 0.1%, wrong_ratio: 0}"
    )
    first: str | float = Field(alias="from", description="the first arrival rate: 20/s")
    to: str | float = Field(description="the highest rate that is tested: 1000/s")
    level: str | float = Field("4s", description="how long a rate is held")
    budget: str | float = Field("60s", description="how long the search may take in all")
    precision: str | float = Field("10%", description="how near the two sides of the boundary must come")
    timeout: str | float = Field("5s", description="for one request")
    verify: bool | Verify = Field(
        False, description="compare every answer with what the same body is answered alone"
    )
    max_in_flight: int = Field(1000, ge=1, description="connections; beyond it arrivals wait")
    workers: int = Field(1, ge=1, le=16, description="generator processes")
    draw: Literal["uniform", "in-order", "zipf"] = "uniform"
    check_every: int = Field(20, ge=1, description="check the body of one in so many answers")

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        rates = {name: Scalar("number", "requests/s") for name in ("rate", "highest_held", "lowest_broken")}
        texts = {"reason": Scalar("string"), "finished": Scalar("boolean")}
        return Record({**rates, **texts, "tests": Scalar("number", "1"), "requests": Scalar("number", "1")})

    @model_validator(mode="after")
    def _makes_sense(self) -> Capacity:
        if (self.request is None) == (self.mix is None):
            raise ValueError("a capacity search has either 'request' or 'mix'")
        if any(kind in part.request for part in self._parts() for kind in CREATING):
            raise ValueError(
                "a capacity search can't send what creates things: nobody knows how many it would be"
            )
        objectives_of(self.objectives)
        if any(name == "wrong_ratio" for name in self.objectives) and self.verify is False:
            raise ValueError("the objective wrong_ratio needs 'verify: true'")
        bounds = self._bounds()
        if not 0 < bounds.first <= bounds.most:
            raise ValueError(f"'from' must be above 0 and at most 'to': {self.first} and {self.to}")
        if not 0.01 <= bounds.precision <= 1:
            raise ValueError(f"'precision' must be 1% to 100%, not {self.precision}")
        if _seconds(self.level) < _SHORTEST_LEVEL_S:
            raise ValueError(
                f"'level' must be at least {_SHORTEST_LEVEL_S:g}s: steadiness is seen in whole seconds"
            )
        return self

    async def run(self, context: StepContext) -> Values:
        if context.target.info.kind == "inprocess":
            raise CannotMeasure(
                "a platform in this process has no socket to put load on", hint="--target bundled"
            )
        parts = await prepared(self._parts(), context, draw=self.draw, check_every=self.check_every)
        if self.verify is not False:
            parts = await verified(parts, Verify() if self.verify is True else self.verify, context)
        search = _Search(self, parts, context, await calibration(context), objectives_of(self.objectives))
        await search.run()
        values = search.values()
        if search.untold:
            raise NotEnoughEvidence(search.untold, values)
        return values

    def _parts(self) -> list[MixPart]:
        return self.mix if self.mix is not None else [MixPart(request=self.request or {})]

    def _bounds(self) -> Bounds:
        from pynomaly_itest.load.search import Bounds

        first, most = parse_quantity(self.first, "/s"), parse_quantity(self.to, "/s")
        return Bounds(first, most, parse_quantity(self.precision, "1"))


@dataclass
class _Search:
    """A search under way: the levels tested so far, and what they say."""

    step: Capacity
    parts: list[Part]
    context: StepContext
    calibration: Calibration
    objectives: tuple[Objective, ...]
    levels: list[Level] = field(default_factory=list)
    untold: str = ""
    """Why the search had to end without a boundary: the generator."""
    begun_s: float = 0.0

    async def run(self) -> None:
        """Test levels until the boundary is found and proven, or the time is up."""
        self.begun_s = self.context.clock()
        while (rate := self._next()) is not None and self._has_time():
            tested = await self._tested(rate)
            if tested.verdict == "untold":  # once may be a neighbour's doing
                tested = await self._tested(rate)
            self.levels.append(tested)
            if tested.verdict == "untold":
                self.untold = f"at {rate:.4g} requests/s {tested.reason}"
                return

    def _next(self) -> float | None:
        """The rate to test: what the search asks for, then what is still unproven beside the boundary."""
        from pynomaly_itest.load.search import boundary, next_level

        trials, bounds = self._trials(), self.step._bounds()
        if (
            self._tests_left() <= _LAST_TESTS
        ):  # better a wide boundary that is proven than a narrow one that is not
            bounds = replace(bounds, precision=float("inf"))
        rate = next_level(trials, bounds)
        held = boundary(trials, bounds).held
        if rate is not None or held is None:
            return rate
        tests = self._at(held)
        return held if self._proven(held) == "inconclusive" and len(tests) < _MOST_TESTS else None

    def _has_time(self) -> bool:
        return not self.levels or self._tests_left() >= 1

    def _tests_left(self) -> float:
        """For how many tests there is time."""
        spent_s = self.context.clock() - self.begun_s
        needed_s = _seconds(self.step.level) + _WARM_UP_S + _OVERHEAD_S
        return (_seconds(self.step.budget) - spent_s) // needed_s

    async def _tested(self, rate: float) -> Level:
        """Hold a rate until it is steady, broken, or has been held three times as long."""
        from pynomaly_itest.load.levels import Level, seen_in

        results: list[LoadResult] = []
        verdict, reason = "unsteady", ""
        while verdict == "unsteady" and len(results) < _MOST_HOLDS and (not results or self._has_time()):
            self._tell(rate, len(results))
            results.append(await self._held_once(rate))
            verdict, reason = seen_in(results[-1], self.objectives)
        return Level(rate, tuple(results), verdict, reason)  # type: ignore[arg-type]

    async def _held_once(self, rate: float) -> LoadResult:
        from pynomaly_itest.load import run_load
        from pynomaly_itest.load.objectives import Abort

        return await run_load(
            self._plan(rate),
            calibration=self.calibration,
            confidence=self.context.confidence,
            abort=Abort(self.objectives, after_s=1.5),
        )

    def _plan(self, rate: float) -> LoadPlan:
        from pynomaly_itest.load import ConstantArrivalRate, LoadPlan

        step = self.step
        return LoadPlan(
            url=self.context.target.info.url,
            endpoints=tuple(part.endpoint for part in self.parts),
            executor=ConstantArrivalRate(rate=rate, duration_s=_seconds(step.level) + _WARM_UP_S),
            warm_up_s=_WARM_UP_S,
            timeout_s=_seconds(step.timeout),
            max_in_flight=step.max_in_flight,
            workers=step.workers,
            seed=self.context.seed + len(self.levels),
        )

    def _tell(self, rate: float, holds: int) -> None:
        held = max((level.rate for level in self.levels if level.held), default=None)
        so_far = "" if held is None else f", {held:.4g}/s held"
        again = f" (held on, {holds + 1}. time)" if holds else ""
        self.context.progress(f"testing {rate:.4g}/s{again}{so_far}")

    def _trials(self) -> list[Any]:
        from pynomaly_itest.load.search import Trial

        return [Trial(level.rate, level.held) for level in self.levels if level.verdict != "untold"]

    def _at(self, rate: float) -> list[Level]:
        return [level for level in self.levels if level.rate == rate]

    def _proven(self, rate: float) -> str:
        from pynomaly_itest.load.levels import proven

        return proven(self.levels, rate, self.objectives, self.context.confidence).value

    def values(self) -> Values:
        from pynomaly_itest.load.search import boundary

        found = boundary(self._trials(), self.step._bounds())
        levels = [_told(level, self.objectives) for level in self.levels]
        limits = {o.statistic: o.limit for o in self.objectives if o.statistic is not None}
        return {
            **curves_of_capacity(levels, limits, found.held, found.broken),
            "rate": self._rate(found.held, found.broken),
            "reason": self._reason(found.broken),
            "highest_held": found.held,
            "lowest_broken": found.broken,
            "finished": found.is_final,
            "levels": levels,
            "tests": sum(len(level.results) for level in self.levels),
            "requests": sum(level.requests for level in self.levels),
        }

    def _rate(self, held: float | None, broken: float | None) -> Estimate:
        """The boundary's lower side, between the highest rate proven to hold and the lowest proven to break."""
        from pynomaly_itest.measure import Estimate

        rates = sorted({level.rate for level in self.levels})
        low = max((r for r in rates if held and r <= held and self._proven(r) == "passed"), default=None)
        high = min((r for r in rates if broken and r >= broken and self._proven(r) == "failed"), default=None)
        note = ""
        if held is None and broken is not None:
            low = 0.0
        elif low is None:
            note = (
                "no rate has requests enough to prove that it holds: hold levels longer, or raise the budget"
            )
        elif high is None:
            note = f"at least: {self._reason(broken)}"
        n = sum(level.requests for level in self.levels)
        return Estimate(
            held or 0.0,
            "requests/s",
            n,
            low,
            high,
            self.context.confidence,
            "retested boundary",
            at_least=0.0,
            note=note,
        )

    def _reason(self, broken: float | None) -> str:
        """Why the next level failed, or why none did."""
        if self.untold:
            return self.untold
        if broken is None:
            top = max((level.rate for level in self.levels), default=0.0)
            why = "" if top >= self.step._bounds().most else ", where the time was up"
            return f"nothing broke up to {top:.4g} requests/s{why}"
        told = [level.reason for level in self._at(broken) if not level.held]
        return f"at {broken:.4g} requests/s {told[-1] if told else 'it broke'}"


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
