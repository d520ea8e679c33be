"""How long until the target is well again: asked lightly, over and over, until it answers in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@dataclass
class _Probes:
    """The requests so far: how long they took, and how many of the last were good."""

    count: int = 0
    streak: int = 0
    well_since_s: float = 0.0
    amiss: str = ""
    latencies_ms: list[float] = field(default_factory=list)

    def failed(self, why: str) -> None:
        self.count += 1
        self.streak, self.amiss = 0, why

    def answered(self, took_ms: float, objective_ms: float, at_s: float) -> None:
        if took_ms > objective_ms:
            self.failed(f"an answer after {took_ms:.0f} ms")
        else:
            self.count += 1
            self.well_since_s = at_s if self.streak == 0 else self.well_since_s
            self.streak, self.amiss = self.streak + 1, ""
        self.latencies_ms.append(took_ms)

    def values(self) -> Values:
        from pynomaly_itest.measure import Samples

        return {
            "probes": self.count,
            "failed_probes": self.count - len(self.latencies_ms),
            "latency_ms": Samples.of("latency_ms", self.latencies_ms, "ms"),
        }


@STEPS.register("recovery")
class Recovery(Step):
    """Repeat a request until it succeeds within its objective several times in a row, and say when that began.

    Put right behind what the target shall recover from: a load, a fault. One that never recovers `within` the
    time fails the step. `seconds` runs from the step's beginning to the end of the first of those good answers.
    """

    summary: ClassVar[str] = "time until a light request is well again, several times in a row"
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("request",)
    raw_nested: ClassVar[str | None] = "request"

    request: dict[str, Any] = Field(description="a step ({predict: {…}}) or a raw request ({path: /…})")
    objective: str | float = Field("100ms", description="an answer later than this is not well")
    in_a_row: int = Field(5, ge=1, le=1000, description="how many good answers in a row are a recovery")
    every: str | float = Field("50ms", description="the pause between two requests")
    within: str | float = Field("30s", description="how long the target has")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        """One request, then the pause."""
        try:
            return 1 / parse_quantity(config.get("every", "50ms"), "s")
        except (ValueError, TypeError, ZeroDivisionError):
            return math.inf

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
        step, seen = self._step(context), _Probes()
        start, within_s = context.clock(), parse_quantity(self.within, "s")
        while seen.streak < self.in_a_row:
            left_s = start + within_s - context.clock()
            if left_s <= 0:
                context.keep(seen.values())
                raise StepFailed(
                    f"not recovered within {within_s:g} s: {seen.count} requests, never {self.in_a_row} good answers "
                    f"in a row; the last: {seen.amiss or 'good'}"
                )
            await self._probe(step, seen, context, start, left_s)
            told = f"; {seen.amiss}" if seen.amiss else ""
            context.progress(f"{seen.streak} of {self.in_a_row} good answers in a row{told}")
            await context.sleep(parse_quantity(self.every, "s"))
        return {"seconds": seen.well_since_s, **seen.values()}

    async def _probe(
        self, step: Step, seen: _Probes, context: StepContext, start: float, left_s: float
    ) -> None:
        """One request, and what it says."""
        import asyncio

        begun = context.clock()
        try:
            async with asyncio.timeout(left_s):
                await step.run(replace(context, expected=frozenset()))
        except (StepFailed, CannotMeasure, TimeoutError) as problem:
            seen.failed(str(problem) or "no answer")
            return
        ended = context.clock()
        seen.answered(1000 * (ended - begun), parse_quantity(self.objective, "ms"), ended - start)

    def _step(self, context: StepContext) -> Step:
        name, config = next(iter(self.request.items()), ("", None))
        is_step = len(self.request) == 1 and isinstance(config, Mapping)
        return context.prepare({name: config} if is_step else {"request": self.request})
