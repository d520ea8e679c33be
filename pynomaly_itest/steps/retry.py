"""Try a step again until it succeeds and its result is what is expected, or a deadline passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("retry")
class Retry(Step):
    """Poll: the step is repeated every `every_s` until it passes and this step's own `expect` holds.

    What is expected at last is judged and recorded once, as of any step. `tolerate_failures: false` makes the
    first failure of the step itself final: then only the expectations are waited for.
    """

    summary: ClassVar[str] = "repeat a step until its `expect` holds, or a deadline passes"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("step",)

    step: dict[str, Any] = Field(description="the step to try: {kind: {…}}")
    within_s: float = Field(30.0, gt=0, le=86_400, description="the deadline, from the first try")
    every_s: float = Field(0.2, gt=0, le=3_600, description="the pause between two tries")
    tolerate_failures: bool = Field(True, description="whether a failed try is tried again")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.INSIDE

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        kind, inner = next(iter((config.get("step") or {"": None}).items()))
        shape = STEPS[kind].shape(inner or {}) if kind in STEPS else ANYTHING
        fields = dict(shape.fields) if isinstance(shape, Record) else {}
        own = {"tries": Scalar("number", "1"), "waited_seconds": Scalar("number", "s")}
        return Record({**fields, **own}, open=not isinstance(shape, Record) or shape.open)

    async def run(self, context: StepContext) -> Values:
        start, tries = context.clock(), 0
        while True:
            tries += 1
            own = {"tries": tries, "waited_seconds": context.clock() - start}
            last_try = context.clock() - start >= self.within_s
            try:
                values = {**await context.prepare(self.step).run(context), **own}
            except StepFailed as problem:
                if last_try or not self.tolerate_failures:
                    problem.message = f"{problem.message} (try {tries}, after {own['waited_seconds']:.1f} s)"
                    problem.args = (problem.message,)
                    raise
                unmet: str | None = problem.message
            else:
                unmet = context.scene.unmet(values)
                if unmet is None or last_try:
                    return values
            context.progress(f"try {tries}: {unmet}")
            left_s = self.within_s - (context.clock() - start)
            await context.sleep(min(self.every_s, max(left_s, 0.0) + 1e-3))
