"""Put load on the target: requests on a schedule, whether or not answers come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.profile.expression import has_template, parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Shape
from pynomaly_itest.step_kind import Evidence, Impact, PlannedSamples
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.load_curves import curves_of_load
from pynomaly_itest.steps.load_failures import without_failures
from pynomaly_itest.steps.load_leaks import LeakWatch
from pynomaly_itest.steps.load_limits import Pause, Span, objectives_of
from pynomaly_itest.steps.load_requests import (
    MixPart,
    Part,
    Strict,
    Verify,
    calibration,
    check_lifetime,
    enter_all,
    prepared,
    references_of,
    settled,
    verified,
)
from pynomaly_itest.steps.load_shapes import ShapeName, executor_of_shape
from pynomaly_itest.steps.load_until import SoFar, until_decided
from pynomaly_itest.steps.load_values import breaking_rate, creates, progress_text, shape_of, values_of

if TYPE_CHECKING:
    from pynomaly_itest.load import Executor, LoadPlan, LoadResult, Progress
    from pynomaly_itest.load.objectives import Abort

Timespan = str | float
Rate = str | float
_MOST_CREATED = 500
_TIMING = (
    *("executor", "rate", "duration", "vus", "iterations", "start", "stages"),
    *("warmup", "shape", "peak", "abort_on", "until", "at_most"),
)
"""The fields that say how many requests are sent, and when."""


class StageSpec(Strict):
    """From the present level to `target` in `duration`."""

    duration: Timespan
    target: float = Field(ge=0)


@STEPS.register("load")
class Load(Step):
    """Send requests in the rhythm of an executor, under k6's names, and keep when each was due, sent and answered.

    Latency counts from when a request was *due*: a stalled target can't hide behind requests that were never
    sent. Arrivals that could not be sent in time are failures. Failures, or an end by `abort_on`, that no condition
    asks about (by error_ratio, shed, aborted …) fail the step. Where the generator itself is late, that only adds to
    latencies: a limit that is kept stays kept, one that is broken by it is inconclusive (of virtual users, who wait
    for it, either). Where it did not send what it should, the step is inconclusive and says what to change.
    """

    summary: ClassVar[str] = "send requests at a rate or by virtual users, and measure every one"
    exclusive: ClassVar[bool] = True
    measures: ClassVar[bool] = True
    announces: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("request", "mix.request")
    raw_nested: ClassVar[str | None] = "request"

    request: dict[str, Any] | None = Field(None, description="a step ({predict: {…}}) or a raw request")
    mix: list[MixPart] | None = Field(None, description="several kinds of requests by weight")
    executor: Literal[
        "constant-arrival-rate",
        "ramping-arrival-rate",
        "poisson-arrivals",
        "constant-vus",
        "ramping-vus",
        "shared-iterations",
        "per-vu-iterations",
    ] = "constant-arrival-rate"
    rate: Rate | None = Field(None, description="arrivals: 50/s")
    duration: Span | None = Field(None, description="how long: 20s")
    vus: int | None = Field(None, ge=1, description="virtual users")
    iterations: int | None = Field(None, ge=1, description="requests in all, or by each user")
    start: float = Field(0.0, ge=0, description="where ramping begins")
    stages: list[StageSpec] | None = None
    warmup: Pause = Field(0.0, description="cut from the beginning")
    think_time: Pause = Field(0.0, description="a virtual user's pause between requests")
    timeout: Span = Field(30.0, description="for one request")
    max_in_flight: int = Field(
        1000, ge=1, description="connections; beyond it arrivals wait, and that counts"
    )
    workers: int = Field(1, ge=1, le=16, description="generator processes")
    draw: Literal["uniform", "in-order", "zipf"] = Field(
        "uniform", description="how prepared bodies are picked"
    )
    check_every: int = Field(20, ge=1, description="check the body of one in so many answers")
    named_shape: ShapeName | None = Field(
        None,
        alias="shape",
        description="instead of executor and stages: ramp, spike (10 times in a second), soak, breakpoint",
    )
    peak: Rate | None = Field(None, description="a spike's top, where it is not 10 times `rate`")
    objective: Span | None = Field(None, description="only right answers within it are goodput: 100ms")
    verify: bool | Verify = Field(
        False, description="compare every answer with what the same body is answered alone"
    )
    abort_on: dict[str, str | float] | None = Field(
        None, description="limits that end the load once broken: {latency_ms.p99: 200ms, error_ratio: 5%}"
    )
    abort_after: Pause = Field(2.0, description="how long a limit must stay broken")
    leaks: bool | None = Field(
        None,
        description="watch the target's memory, descriptors and threads against its answers (soak: true)",
    )
    until: Literal["duration", "decided"] = Field(
        "duration", description="decided: on after `duration`, while a gate on it is open"
    )
    at_most: Span = Field("60s", description="how long `until: decided` may send in all")

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("steady",) if config.get("verify") else ()

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.NOTHING

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        """Its `rate`, where nothing else says how much is sent: a spike, stages or users may be anything."""
        bounded = (
            config.get("shape") in (None, "soak") and not {"stages", "vus", "iterations"} & config.keys()
        )
        try:
            return parse_quantity(config["rate"], "/s") if bounded else math.inf
        except (KeyError, ValueError, TypeError):
            return math.inf

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return shape_of(config)

    @classmethod
    def planned_samples(cls, config: Mapping[str, Any]) -> PlannedSamples | None:
        timing = {name: config[name] for name in _TIMING if name in config}
        if has_template(timing):
            return None
        try:
            return cls.model_validate({**timing, "request": {}})._planned()
        except ValidationError:
            return None

    def _planned(self) -> PlannedSamples | None:
        from pynomaly_itest.load.executors import planned_requests

        executor = self._executor()
        sent = planned_requests(executor)
        if sent is None:
            return None
        if self.iterations is not None:
            return PlannedSamples(int(sent), "iterations", self.iterations)
        planned_s, warm_up_s = executor.planned_s, _seconds(self.warmup)
        if self.until == "decided":
            at_most_s = max(planned_s, _seconds(self.at_most))
            sent, planned_s = sent * at_most_s / planned_s, at_most_s
        counted = int(sent * max(0.0, 1 - warm_up_s / planned_s))
        name = "at_most" if self.until == "decided" else "duration" if self.stages is None else "stages"
        return PlannedSamples(counted, name, planned_s, is_span=True)

    @model_validator(mode="after")
    def _makes_sense(self) -> Load:
        if (self.request is None) == (self.mix is None):
            raise ValueError("a load has either 'request' or 'mix'")
        executor = self._executor()
        if self.named_shape == "breakpoint" and not self.abort_on:
            raise ValueError("shape breakpoint needs 'abort_on': the objectives that end it")
        if self.peak is not None and self.named_shape != "spike":
            raise ValueError("'peak' is a spike's top: it needs shape: spike")
        self._abort()
        self._check_created(executor)
        if self.until == "decided" and (self.duration is None or self.named_shape is not None):
            raise ValueError("'until: decided' lengthens a load's 'duration': it needs one, and no 'shape'")
        return self

    def _check_created(self, executor: Executor) -> None:
        """What a load creates must be cleaned up in reasonable time, so it must be known beforehand how much it is."""
        parts = self._parts()
        creating = sum(part.weight for part in parts if creates(part.request))
        if not creating:
            return
        if self.until == "decided":
            raise ValueError("a load that creates things is put on once: no 'until: decided'")
        from pynomaly_itest.load.executors import planned_requests

        planned = planned_requests(executor)
        if planned is None:
            raise ValueError(
                "a load that creates things must say how many: use an arrival rate or iterations"
            )
        count = planned * creating / sum(part.weight for part in parts)
        if count > _MOST_CREATED:
            raise ValueError(
                f"this load would create about {count:.0f} things, which must all be cleaned up: "
                f"at most {_MOST_CREATED} are allowed"
            )

    async def run(self, context: StepContext) -> Values:
        if self.until == "decided":
            return await until_decided(self, context)
        return await self.part(context, SoFar.begun(context.target))

    async def part(self, context: StepContext, so_far: SoFar) -> Values:
        """The load, or a further part of it: the figures of all parts together."""
        return so_far.crowd.doubting(await self._put_on(context, so_far))

    def seen(self, context: StepContext, so_far: SoFar, result: LoadResult) -> Values:
        """The figures of a load that goes on."""
        return so_far.crowd.doubting(values_of(result, self._ended(result, context.confidence)))

    async def _put_on(self, context: StepContext, so_far: SoFar) -> Values:
        from pynomaly_itest.load import run_load

        if context.target.info.kind == "inprocess":
            raise CannotMeasure(
                "a platform in this process has no socket to put load on", hint="--target bundled"
            )
        known = await calibration(context)  # it takes a while: before anything is asked for that runs out
        if so_far.requests is None:
            so_far.requests = await self._prepared(context)
        parts = so_far.requests
        if so_far.leaks is None and self._looks_for_leaks():
            so_far.leaks = LeakWatch(context.target)
        leaks = so_far.leaks

        def follow(progress: Progress) -> None:
            context.progress(progress_text(progress))
            if leaks is not None:
                leaks.look(progress.requests)

        def keep(partial: LoadResult) -> None:
            enter_all(parts, partial, context)
            context.keep(dict(partial.metrics))

        context.under_way()
        result = await run_load(
            self._plan(parts, context),
            on_progress=follow,
            on_cancelled=keep,
            calibration=known,
            confidence=context.confidence,
            abort=self._abort(),
            record=so_far.record,
            looks=so_far.looks,
            departures=context.target.departures,
        )
        ended_s = context.clock()
        beside = {**await settled(parts, result, context), **self._ended(result, context.confidence)}
        if leaks is not None:
            beside |= leaks.values(context.confidence)
        if self.verify is not False:
            beside["references"] = references_of(parts)
        values = values_of(result, {**beside, **curves_of_load(result, context.clock() - ended_s)})
        return without_failures(result, values, context, may_break=self.named_shape == "breakpoint")

    async def _prepared(self, context: StepContext) -> list[Part]:
        lasts_s = self._executor().planned_s
        parts = await prepared(self._parts(), context, self.draw, self.check_every, lasts_s)
        if self.abort_on is None and self.iterations is None:  # else nobody knows how long it will take
            check_lifetime(lasts_s, context)
        if self.verify is False:
            return parts
        return await verified(parts, Verify() if self.verify is True else self.verify, context)

    def _plan(self, parts: list[Part], context: StepContext) -> LoadPlan:
        from pynomaly_itest.load import LoadPlan

        return LoadPlan(
            url=context.target.info.url,
            tls=context.target.tls,
            endpoints=tuple(part.endpoint for part in parts),
            executor=self._executor(),
            warm_up_s=_seconds(self.warmup),
            timeout_s=_seconds(self.timeout),
            max_in_flight=self.max_in_flight,
            think_time_s=_seconds(self.think_time),
            workers=self.workers,
            seed=context.seed,
            objective_ms=None if self.objective is None else parse_quantity(self.objective, "ms"),
        )

    def _ended(self, result: LoadResult, confidence: float) -> Values:
        """For a load that may end itself: whether it did, why, and at which rate."""
        if self.abort_on is None:
            return {}
        return {
            "aborted": result.broke_s is not None,
            "abort_reason": result.broke_why or "",
            "broke_at": breaking_rate(self._executor(), result, confidence),
        }

    def _abort(self) -> Abort | None:
        from pynomaly_itest.load.objectives import Abort

        if self.abort_on is None:
            return None
        return Abort(objectives_of(self.abort_on), after_s=_seconds(self.abort_after))

    def _looks_for_leaks(self) -> bool:
        return self.named_shape == "soak" if self.leaks is None else self.leaks

    def _parts(self) -> list[MixPart]:
        return self.mix if self.mix is not None else [MixPart(request=self.request or {})]

    def _executor(self) -> Executor:
        """The executor with its figures; raises ValueError where one is missing."""
        if self.named_shape is not None:
            return self._shaped()
        from pynomaly_itest.load import EXECUTORS, Stage

        given: dict[str, Any] = {
            "rate": None if self.rate is None else parse_quantity(self.rate, "/s"),
            "duration_s": None if self.duration is None else _seconds(self.duration),
            "vus": self.vus,
            "iterations": self.iterations,
            "stages": None
            if self.stages is None
            else tuple(Stage(_seconds(stage.duration), stage.target) for stage in self.stages),
            "start_rate": self.start,
            "start_vus": int(self.start),
        }
        kind = EXECUTORS[self.executor]
        chosen = {name: given[name] for name in kind.__struct_fields__ if given.get(name) is not None}
        try:
            return kind(**chosen)
        except TypeError as problem:
            missing = str(problem).rpartition("argument ")[2].strip("'").removesuffix("_s")
            raise ValueError(f"executor {self.executor} needs {missing!r}") from problem

    def _shaped(self) -> Executor:
        for name in ("rate", "duration"):
            if getattr(self, name) is None:
                raise ValueError(f"shape {self.named_shape} needs {name!r}")
        if "executor" in self.model_fields_set:
            raise ValueError(f"shape {self.named_shape} says what is sent: 'executor' must not say it too")
        if self.stages is not None or self.vus is not None or self.iterations is not None:
            raise ValueError(
                f"shape {self.named_shape} takes rate and duration, no stages, vus or iterations"
            )
        return executor_of_shape(
            self.named_shape or "soak",
            rate=parse_quantity(self.rate or 0.0, "/s"),
            duration_s=_seconds(self.duration or 0.0),
            start=self.start,
            peak=None if self.peak is None else parse_quantity(self.peak, "/s"),
        )


def _seconds(span: Timespan) -> float:
    return parse_quantity(span, "s")
