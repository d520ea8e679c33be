"""Go through a few steps several times, each time with the same expectations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("repeat")
class Repeat(Step):
    """Run the steps in order, `times` times. The result is the last step's; `expect` must hold every time."""

    summary: ClassVar[str] = "run a list of steps several times; `expect` must hold each time"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("steps",)

    steps: list[dict[str, Any]] = Field(min_length=1, max_length=100, description="steps: [{kind: {…}}, …]")
    times: int = Field(ge=1, le=100_000)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.INSIDE

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        steps = config.get("steps") or [{}]
        kind, inner = next(iter((steps[-1] or {"": None}).items()), ("", None))
        shape = STEPS[kind].shape(inner or {}) if kind in STEPS else ANYTHING
        fields = dict(shape.fields) if isinstance(shape, Record) else {}
        is_open = not isinstance(shape, Record) or shape.open
        return Record({**fields, "times": Scalar("number", "1")}, open=is_open)

    async def run(self, context: StepContext) -> Values:
        values: Values = {}
        for number in range(1, self.times + 1):
            for step in self.steps[:-1]:  # `expect` is about the last step's result only
                await context.prepare(step).run(replace(context, expected=frozenset()))
            values = await context.prepare(self.steps[-1]).run(context)
            values = {**values, "times": number}
            unmet = context.scene.unmet(values)
            if unmet is not None and number < self.times:
                raise StepFailed(f"round {number} of {self.times}: {unmet}")
            context.progress(f"{number}/{self.times}")
        return values
