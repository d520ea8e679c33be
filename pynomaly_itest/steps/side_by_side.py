"""Several steps at the same time against the same one after another: what being served together costs."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Inference, Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.measure import Estimate


@STEPS.register("side_by_side")
class SideBySide(Step):
    """In each round, run all steps at the same time, and all of them one after another; which first is drawn.

    `ratio` is the time together over the time in turn, the median over the rounds: 1 where they neither help nor
    hinder each other, above it where they do hinder each other.
    """

    summary: ClassVar[str] = "steps at the same time against the same steps one after another"
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("steps",)

    steps: list[dict[str, Any]] = Field(min_length=2, max_length=64, description="steps: [{kind: {…}}, …]")
    rounds: int = Field(30, ge=6, le=10_000, description="how many times each way")
    warmup: int = Field(2, ge=0, le=1000, description="rounds before, not counted")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.INSIDE

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return math.inf

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {"together_ms": Series("ms"), "in_turn_ms": Series("ms"), "ratio": Scalar("number", "1")}
        )

    async def run(self, context: StepContext) -> Values:
        from pynomaly_itest.measure import Samples

        steps = [context.prepare(call) for call in self.steps]
        draw = random.Random(context.seed)  # noqa: S311 - no secret
        together: list[float] = []
        in_turn: list[float] = []
        for number in range(1 - self.warmup, self.rounds + 1):
            ways = [(_together, together), (_in_turn, in_turn)]
            for way, times in draw.sample(ways, 2):
                start = context.clock()
                await way(steps, context)
                if number > 0:
                    times.append(1000 * (context.clock() - start))
            context.progress(f"round {max(0, number)}/{self.rounds}")
        return {
            "together_ms": Samples.of("together_ms", together, "ms"),
            "in_turn_ms": Samples.of("in_turn_ms", in_turn, "ms"),
            "ratio": median_ratio(together, in_turn),
        }


async def _together(steps: Sequence[Step], context: StepContext) -> None:
    import asyncio

    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step.run(context))


async def _in_turn(steps: Sequence[Step], context: StepContext) -> None:
    for step in steps:
        await step.run(context)


def median_ratio(one: Sequence[float], other: Sequence[float]) -> Inference:
    """The median of the ratios of what was measured in pairs, with the interval that its ranks give."""

    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import Samples, statistic

        ratios = [a / b for a, b in zip(one, other, strict=True)]
        return statistic(Samples.of("ratio", ratios, "1"), "median", confidence=confidence)

    return at
