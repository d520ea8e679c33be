"""How long until the target is well again: asked lightly, over and over, until it answers in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("recovery")
class Recovery(Step):
    """Repeat a request until it succeeds within its objective several times in a row, and say when that began.

    Put right behind what the target shall recover from: a load, a fault. One that never recovers `within` the
    time fails the step. `seconds` runs from the step's beginning to the end of the first of those good answers.
    """

    summary: ClassVar[str] = "time until a light request is well again, several times in a row"
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("request",)
    raw_nested: ClassVar[str] = "request"

    request: dict[str, Any] = Field(description="a step ({predict: {…}}) or a raw request ({path: /…})")
    objective: str | float = Field("100ms", description="an answer later than this is not well")
    in_a_row: int = Field(5, ge=1, le=1000, description="how many good answers in a row are a recovery")
    every: str | float = Field("50ms", description="the pause between two requests")
    within: str | float = Field("30s", description="how long the target has")

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "seconds": Scalar("number", "s"),
                "probes": Scalar("number", "1"),
                "failed_probes": Scalar("number", "1"),
                "latency_ms": Series("ms"),
            }
        )

    async def run(self, context: StepContext) -> Values:
        import asyncio

        from pynomaly_itest.measure import Samples

        step = self._step(context)
        objective_s, within_s = parse_quantity(self.objective, "s"), parse_quantity(self.within, "s")
        start = context.clock()
        latencies: list[float] = []
        streak, well_since_s, probes, why = 0, 0.0, 0, ""
        while streak < self.in_a_row:
            begun = context.clock()
            left_s = start + within_s - begun
            if left_s <= 0:
                raise StepFailed(
                    f"not recovered within {within_s:g} s: {probes} requests, never {self.in_a_row} good answers "
                    f"in a row; last: {why or 'too slow'}"
                )
            probes += 1
            try:
                async with asyncio.timeout(left_s):
                    await step.run(replace(context, expected=frozenset()))
                took_s = context.clock() - begun
                latencies.append(1000 * took_s)
                why = "" if took_s <= objective_s else f"an answer after {1000 * took_s:.0f} ms"
            except (StepFailed, CannotMeasure, TimeoutError) as problem:
                why = str(problem) or "no answer"
            if why:
                streak = 0
            else:
                well_since_s = context.clock() - start if streak == 0 else well_since_s
                streak += 1
            context.progress(f"{streak} of {self.in_a_row} good answers in a row{f'; {why}' if why else ''}")
            await context.sleep(parse_quantity(self.every, "s"))
        return {
            "seconds": well_since_s,
            "probes": probes,
            "failed_probes": probes - len(latencies),
            "latency_ms": Samples.of("latency_ms", latencies, "ms"),
        }

    def _step(self, context: StepContext) -> Step:
        name, config = next(iter(self.request.items()), ("", None))
        is_step = len(self.request) == 1 and isinstance(config, Mapping)
        return context.prepare({name: config} if is_step else {"request": self.request})
