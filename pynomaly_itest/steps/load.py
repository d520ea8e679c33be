"""Put load on the target: requests on a schedule, whether or not answers come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape
from pynomaly_itest.steps.base import Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.load import Calibration, Endpoint, Executor, LoadResult, Progress

_SERIES = {
    "latency_ms": "from when each request was due to the end of its answer",
    "service_ms": "from when each was sent",
    "first_byte_ms": "from when each was sent to the first byte",
    "error_latency_ms": "of answers that were no success",
    "server_ms": "what the target says of itself in Server-Timing",
    "lag_ms": "how late the generator itself was",
}
_FIGURES = {
    "rate": "requests/s",
    "goodput": "requests/s",
    "error_ratio": "1",
    "dropped": "1",
    "requests": "1",
    "failures": "1",
}
_STRAIGHT = ("error_ratio", "dropped", "requests", "failures")
"""Figures that stand even where the generator was too slow: an error is an error."""

Timespan = str | float
Rate = str | float


@runtime_checkable
class Loadable(Protocol):
    """A step kind that can be sent as load: its request, prepared once and sent many times."""

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint: ...


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class MixPart(_Strict):
    """One kind of request of a mix."""

    request: dict[str, Any] = Field(
        description="a step ({predict: {…}}) or a raw request ({method, path, …})"
    )
    weight: float = Field(1.0, gt=0, description="its share among the parts")
    name: str | None = None


class StageSpec(_Strict):
    """From the present level to `target` in `duration`."""

    duration: Timespan
    target: float = Field(ge=0)


@STEPS.register("load")
class Load(Step):
    """Send requests in the rhythm of an executor, under k6's names, and keep when each was due, sent and answered.

    Latency counts from when a request was *due*: a stalled target can't hide behind requests that were never
    sent. Arrivals that could not be sent in time are failures. Where the generator itself can't keep up, the
    step is inconclusive and says what to change.
    """

    summary: ClassVar[str] = "send requests at a rate or by virtual users, and measure every one"
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("request", "mix.request")
    raw_nested: ClassVar[str] = "request"

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
    duration: Timespan | None = Field(None, description="how long: 20s")
    vus: int | None = Field(None, ge=1, description="virtual users")
    iterations: int | None = Field(None, ge=1, description="requests in all, or by each user")
    start: float = Field(0.0, ge=0, description="where ramping begins")
    stages: list[StageSpec] | None = None
    warmup: Timespan = Field(0.0, description="cut from the beginning")
    think_time: Timespan = Field(0.0, description="a virtual user's pause between requests")
    timeout: Timespan = Field(30.0, description="for one request")
    max_in_flight: int = Field(
        1000, ge=1, description="connections; beyond it arrivals wait, and that counts"
    )
    workers: int = Field(1, ge=1, le=16, description="generator processes")
    draw: Literal["uniform", "in-order", "zipf"] = Field(
        "uniform", description="how prepared bodies are picked"
    )
    check_every: int = Field(20, ge=1, description="check the body of one in so many answers")

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        series = {name: Series("ms", doc) for name, doc in _SERIES.items()}
        figures = {name: Scalar("number", unit) for name, unit in _FIGURES.items()}
        return Record({**series, **figures, "generator": Record(open=True)})

    @model_validator(mode="after")
    def _one_kind_of_request(self) -> Load:
        if (self.request is None) == (self.mix is None):
            raise ValueError("a load has either 'request' or 'mix'")
        self._executor()
        return self

    async def run(self, context: StepContext) -> Values:
        from pynomaly_itest.load import LoadPlan, run_load

        if context.target.info.kind == "inprocess":
            raise CannotMeasure(
                "a platform in this process has no socket to put load on", hint="--target bundled"
            )
        plan = LoadPlan(
            url=context.target.info.url,
            endpoints=tuple([await self._endpoint(part, context) for part in self._parts()]),
            executor=self._executor(),
            warm_up_s=_seconds(self.warmup),
            timeout_s=_seconds(self.timeout),
            max_in_flight=self.max_in_flight,
            think_time_s=_seconds(self.think_time),
            workers=self.workers,
            seed=context.seed,
        )
        result = await run_load(
            plan,
            on_progress=lambda progress: context.progress(_told(progress)),
            on_cancelled=lambda partial: context.keep(dict(partial.metrics)),
            calibration=await _calibration(context),
            confidence=context.confidence,
        )
        return _values(result)

    def _parts(self) -> list[MixPart]:
        return self.mix if self.mix is not None else [MixPart(request=self.request or {})]

    async def _endpoint(self, part: MixPart, context: StepContext) -> Endpoint:
        """A platform operation's request, or a raw one."""
        name, config = next(iter(part.request.items()), ("", None))
        call = (
            {name: config}
            if len(part.request) == 1 and isinstance(config, Mapping)
            else {"request": part.request}
        )
        step = context.prepare(call)
        if not isinstance(step, Loadable):
            raise CannotMeasure(
                f"step {name!r} can't be sent as load", hint="predict, detect or a raw request can"
            )
        from msgspec.structs import replace

        label = part.name or (name if call is not part.request and "request" not in call else "request")
        endpoint = await step.endpoint(context, name=label, weight=part.weight)
        return replace(endpoint, draw=self.draw, check_every=self.check_every)

    def _executor(self) -> Executor:
        """The executor with its figures; raises ValueError where one is missing."""
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


def _seconds(span: Timespan) -> float:
    return parse_quantity(span, "s")


async def _calibration(context: StepContext) -> Calibration:
    """What the generator costs here: found out once a run."""
    from pynomaly_itest.load import calibrate

    if "calibration" not in context.shared:
        context.progress("calibrating the generator")
        context.shared["calibration"] = await calibrate()
    found: Calibration = context.shared["calibration"]
    return found


def _told(progress: Progress) -> str:
    failures = f", {progress.failures} failed" if progress.failures else ""
    quantiles = f"p50 {progress.p50_ms:.1f} ms, p95 {progress.p95_ms:.1f} ms"
    return f"{progress.rate:.0f}/s, {quantiles}{failures}, {progress.remaining_s:.0f} s left"


def _values(result: LoadResult) -> Values:
    """The metrics by name; raises NotEnoughEvidence, with them, where the generator did not keep up."""
    health = result.health
    generator = {
        "cpu_share": health.cpu_share,
        "cost_us": health.cost_us,
        "lag_p99_ms": health.lag_p99_ms,
        "kept_up": health.kept_up,
        "calibrated_cost_us": health.calibration.cost_us if health.calibration else None,
    }
    values: Values = {**result.metrics, "generator": generator, "outcomes": dict(result.outcomes)}
    if health.kept_up:
        return values
    from pynomaly_itest.measure import Absence

    why = "; ".join(health.reasons)
    doubtful = {
        name: value if name in _STRAIGHT or name in ("generator", "outcomes") else Absence(why)
        for name, value in values.items()
    }
    raise NotEnoughEvidence(f"the load generator could not keep up: {why}", doubtful)
