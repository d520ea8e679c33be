"""How the time of a step grows with the size of its input: the exponent, with its interval."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Inference, Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.measure import Estimate


@STEPS.register("scaling")
class Scaling(Step):
    """Run a step at several sizes, in rounds that go through all sizes in random order.

    Of each round, `scaling.exponent` takes the exponent b of time = a * size**b over all sizes, and
    `scaling.last_exponent` that from the second largest size to the largest, where fixed costs hide the least. The
    figure is the median over the rounds: a machine that is slow for a while is so for all sizes of a round.
    """

    summary: ClassVar[str] = "the power of its input's size with which a step's time grows"
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("step",)

    step: dict[str, Any] = Field(description="the step to time: {kind: {…}}")
    field: str = Field("rows", description="the step's field that holds the size")
    sizes: list[int] = Field(min_length=3, max_length=20, description="from the smallest to the largest")
    rounds: int = Field(12, ge=6, le=1000, description="how many times each size is run")
    time: str = Field("latency_ms", description="which number of the step's result is its time")

    @model_validator(mode="after")
    def _ascending(self) -> Scaling:
        if self.sizes != sorted(set(self.sizes)) or self.sizes[0] < 1:
            raise ValueError("'sizes' must be positive and ascend")
        return self

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.INSIDE

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return math.inf

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        exponents = {name: Scalar("number", "1") for name in ("exponent", "last_exponent")}
        return Record({"scaling": Record({**exponents, "medians": Record(open=True)})})

    async def run(self, context: StepContext) -> Values:
        kind, config = next(iter(self.step.items()))
        steps = {size: context.prepare({kind: {**config, self.field: size}}) for size in self.sizes}
        draw = random.Random(context.seed)  # noqa: S311 - no secret
        await self._round(steps, list(self.sizes), context)  # what is done but once is done now
        times: dict[int, list[float]] = {size: [] for size in self.sizes}
        for number in range(1, self.rounds + 1):
            order = draw.sample(self.sizes, len(self.sizes))
            for size, spent in (await self._round(steps, order, context)).items():
                times[size].append(spent)
            context.progress(f"round {number}/{self.rounds}")
        return {"scaling": scaling_of(times)}

    async def _round(
        self, steps: Mapping[int, Step], order: list[int], context: StepContext
    ) -> dict[int, float]:
        found: dict[int, float] = {}
        for size in order:
            spent = (await steps[size].run(context)).get(self.time)
            if isinstance(spent, bool) or not isinstance(spent, int | float) or not spent > 0:
                raise CannotMeasure(
                    f"the step gives no time {self.time!r}: {spent!r}", hint="name one with `time:`"
                )
            found[size] = float(spent)
        return found


def scaling_of(times: Mapping[int, list[float]]) -> Values:
    """The exponents over all sizes and over the last two, and the median time of each size.

    times: by size, one for each round, in the order of the rounds.
    """
    from statistics import median

    sizes = list(times)
    rounds = list(zip(*times.values(), strict=True))
    return {
        "exponent": _median_exponent(sizes, rounds),
        "last_exponent": _median_exponent(sizes[-2:], [spent[-2:] for spent in rounds]),
        "medians": {str(size): median(seen) for size, seen in times.items()},
    }


def _median_exponent(sizes: list[int], rounds: list[tuple[float, ...]]) -> Inference:
    def at(confidence: float) -> Estimate:
        import numpy as np

        from pynomaly_itest.measure import Samples, statistic

        x = np.log(np.array(sizes, dtype=np.float64))
        x -= x.mean()
        slopes = np.log(np.array(rounds, dtype=np.float64)) @ x / float(x @ x)
        return statistic(Samples.of("exponent", slopes, "1"), "median", confidence=confidence)

    return at
