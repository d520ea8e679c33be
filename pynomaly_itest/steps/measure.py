"""Repeat a step and keep every number it gives: the closed model, one virtual user after the other's answer."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape, unit_of
from pynomaly_itest.step_kind import Evidence, Impact, PlannedSamples
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.crowd import Crowd
from pynomaly_itest.steps.looks import Looks, until_next_look
from pynomaly_itest.steps.measure_tally import WITHOUT_ANSWER, Tally

_MOST_QUESTIONS = 10_000


@STEPS.register("measure")
class Measure(Step):
    """Run a step `repeat` times after `warmup` times that don't count.

    Each number that the step gives becomes a series (`latency_ms.p95`), each truth value a ratio
    (`cached` -> `cached_ratio`). One failed call fails the step, unless `tolerate_errors`: then
    `error_ratio` says how many failed, and the series hold the successful ones only. A `request` that
    is to be answered with an error says so in its own `status`.

    `vary` puts other values into the step's fields, every combination being one question; `draw` picks among them.
    With `until: decided`, calls go on past `repeat` until every gate on this step is decided or `at_most`
    has passed. Each further look at the gates spends half of the error that is left, so that looking often does not
    make a pass likelier.
    """

    summary: ClassVar[str] = "repeat a step n times, with warm-up, and keep every number"
    exclusive: ClassVar[bool] = True
    measures: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("step",)

    step: dict[str, Any] = Field(description="the step to repeat: {kind: {…}}")
    repeat: int = Field(100, ge=1, le=1_000_000, description="measured calls, over all users")
    warmup: int = Field(5, ge=0, le=10_000, description="calls before, not counted")
    concurrency: int = Field(1, ge=1, le=64, description="virtual users at the same time")
    tolerate_errors: bool = Field(False, description="go on after a failed call, and count it")
    vary: dict[str, list[Any]] | None = Field(
        None, min_length=1, description="{field: [values]}: other values in the step's fields"
    )
    draw: Literal["zipf", "uniform", "in-order"] = Field(
        "zipf", description="zipf: few questions often, many seldom, as users ask"
    )
    until: Literal["repeat", "decided"] = Field("repeat", description="decided: go on while a gate is open")
    at_most: str | float = Field("60s", description="how long `until: decided` may take in all")

    @model_validator(mode="after")
    def _readable(self) -> Measure:
        parse_quantity(self.at_most, "s")
        if self.vary is not None and not all(self.vary.values()):
            raise ValueError("'vary' needs at least one value for each field")
        return self

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.NOTHING if config.get("tolerate_errors") is True else Evidence.INSIDE

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        """As fast as answers come, so that all its calls may fall into one second."""
        calls = [config.get("repeat", 100), config.get("warmup", 5)]
        if config.get("until") == "decided" or not all(isinstance(each, int) for each in calls):
            return math.inf
        return float(sum(calls))

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        kind, inner = next(iter((config.get("step") or {"": None}).items()))
        inner_shape = STEPS[kind].shape(inner or {}) if kind in STEPS else Record(open=True)
        fields: dict[str, Shape] = {}
        if isinstance(inner_shape, Record):
            fields = dict(
                _series(name, shape) for name, shape in inner_shape.fields.items() if _varies(shape)
            )
        if "cached_ratio" in fields:
            fields |= {name: Series("ms") for name in ("cached_ms", "uncached_ms")}
            fields["cached_speedup"] = Scalar("number", "1")
        return Record(
            {
                **fields,
                "count": Scalar("number", "1"),
                "error_ratio": Scalar("number", "1"),
                **{reason: Scalar("number", "1", doc) for reason, doc in WITHOUT_ANSWER.items()},
                "requests_per_second": Scalar("number", "requests/s"),
                "samples_per_second": Scalar("number", "samples/s"),
            }
        )

    @classmethod
    def planned_samples(cls, config: Mapping[str, Any]) -> PlannedSamples | None:
        repeat = config.get("repeat", cls.model_fields["repeat"].default)
        if config.get("until", "repeat") != "repeat" or not isinstance(repeat, int):
            return None
        return PlannedSamples(repeat, "repeat", repeat)

    async def run(self, context: StepContext) -> Values:
        import asyncio

        steps = self._questions(context)
        await self._repeat(_Round(steps, self.warmup, "warm-up", Tally()), context)
        tally, crowd = Tally(), Crowd(context.target)
        duration_s = 0.0
        looks, start = Looks(), context.clock()
        try:
            for times in self._batches(tally, context, start):
                began = context.clock()
                await self._repeat(_Round(steps, times, "measuring", tally, duration_s, began), context)
                duration_s += context.clock() - began
                elapsed_s = context.clock() - start
                if self._is_decided(
                    tally, duration_s, context, crowd, looks.share_at(self._time(tally, elapsed_s))
                ):
                    break
        except asyncio.CancelledError:
            context.keep(tally.values(duration_s=duration_s + context.clock() - began))
            raise
        return crowd.doubting(tally.values(duration_s=duration_s))

    def _batches(self, tally: Tally, context: StepContext, start: float) -> Iterator[int]:
        """How many calls to make before each look at the gates."""
        yield self.repeat
        while self.until == "decided" and (more := self._more(tally, context.clock() - start)):
            yield more

    def _more(self, tally: Tally, elapsed_s: float) -> int:
        """How many calls to make before the next look; 0 where time is up."""
        left_s = parse_quantity(self.at_most, "s") - elapsed_s
        affordable = tally.count * left_s / elapsed_s if elapsed_s > 0 else float(tally.count)
        return int(until_next_look(tally.count, affordable))

    def _time(self, tally: Tally, elapsed_s: float) -> float:
        """Of a look, as a share of all the time there is; the last one is at 1."""
        return elapsed_s / parse_quantity(self.at_most, "s") if self._more(tally, elapsed_s) else 1.0

    def _is_decided(
        self, tally: Tally, duration_s: float, context: StepContext, crowd: Crowd, share: float
    ) -> bool:
        """Whether no gate on this step is open any more, at a look that may use this share of the error."""
        if self.until != "decided":
            return True
        tally.error_share = share
        return context.scene.undecided(crowd.doubting(tally.values(duration_s=duration_s))) is None

    def _questions(self, context: StepContext) -> Iterator[Step]:
        """The step of each call, in order, for ever."""
        if self.vary is None:
            return itertools.repeat(context.prepare(self.step))
        kind, config = next(iter(self.step.items()))
        cells = list(itertools.islice(itertools.product(*self.vary.values()), _MOST_QUESTIONS + 1))
        if len(cells) > _MOST_QUESTIONS:
            raise CannotMeasure(f"'vary' makes more than {_MOST_QUESTIONS:,} questions")
        steps = [
            context.prepare({kind: {**config, **dict(zip(self.vary, cell, strict=True))}}) for cell in cells
        ]
        return drawn(steps, self.draw, context.seed)

    async def _repeat(self, part: _Round, context: StepContext) -> None:
        """Share the calls out to the virtual users; the first failure ends them all."""
        import asyncio

        numbers = iter(range(part.times))
        tally = part.tally

        async def user() -> None:
            for number in numbers:
                # `expect` is about the series: an error among a hundred answers is one all the same
                own = replace(context, seed=context.seed + number, expected=frozenset())
                try:
                    values = await next(part.steps).run(own)
                except StepFailed as problem:
                    if not self.tolerate_errors:
                        raise
                    tally.failed(problem)
                else:
                    tally.succeeded(values, part.offset_s + context.clock() - part.began)
                context.progress(f"{part.phase} {tally.count}{tally.so_far()}")

        async with asyncio.TaskGroup() as users:
            for _ in range(min(self.concurrency, part.times)):
                users.create_task(user())


@dataclass(frozen=True)
class _Round:
    """Calls to make at one go; the first begins at `began`, when `offset_s` seconds were measured already."""

    steps: Iterator[Step]
    times: int
    phase: str
    tally: Tally
    offset_s: float = 0.0
    began: float = 0.0


def drawn(items: Sequence[Step], draw: str, seed: int) -> Iterator[Step]:
    """Items for ever: in order, evenly at random, or by Zipf's law (the k-th 1/k times as often as the first)."""
    if draw == "in-order":
        yield from itertools.cycle(items)
    chance = random.Random(seed)  # noqa: S311 - no secret
    weights = [1 / rank for rank in range(1, len(items) + 1)] if draw == "zipf" else None
    while True:
        yield from chance.choices(items, weights, k=64)


def _varies(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.type in ("number", "boolean")


def _series(name: str, shape: Shape) -> tuple[str, Shape]:
    """A number's series, a truth value's ratio."""
    if isinstance(shape, Scalar) and shape.type == "boolean":
        return f"{name}_ratio", Scalar("number", "1")
    return name, Series(unit_of(name) or "1")
