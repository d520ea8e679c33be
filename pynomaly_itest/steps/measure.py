"""Repeat a step and keep every number it gives: the closed model, one virtual user after the other's answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Series, Shape
from pynomaly_itest.steps.base import Inference, Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.measure import Estimate


@STEPS.register("measure")
class Measure(Step):
    """Run a step `repeat` times after `warmup` times that don't count.

    Each number that the step gives becomes a series (`latency_ms.p95`), each truth value a ratio
    (`cached` -> `cached_ratio`). One failed call fails the step, unless `tolerate_errors`: then
    `error_ratio` says how many failed, and the series hold the successful ones only. A `request` that
    is to be answered with an error says so in its own `status`.
    """

    summary: ClassVar[str] = "repeat a step n times, with warm-up, and keep every number"
    needs_platform: ClassVar[bool] = False
    nested: ClassVar[tuple[str, ...]] = ("step",)

    step: dict[str, Any] = Field(description="the step to repeat: {kind: {…}}")
    repeat: int = Field(100, ge=1, le=1_000_000, description="measured calls, over all users")
    warmup: int = Field(5, ge=0, le=10_000, description="calls before, not counted")
    concurrency: int = Field(1, ge=1, le=64, description="virtual users at the same time")
    tolerate_errors: bool = Field(False, description="go on after a failed call, and count it")

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        kind, inner = next(iter((config.get("step") or {"": None}).items()))
        inner_shape = STEPS[kind].shape(inner or {}) if kind in STEPS else Record(open=True)
        fields: dict[str, Shape] = {}
        if isinstance(inner_shape, Record):
            fields = dict(
                _series(name, shape) for name, shape in inner_shape.fields.items() if _varies(shape)
            )
        return Record(
            {
                **fields,
                "count": Scalar("number", "1"),
                "error_ratio": Scalar("number", "1"),
                "requests_per_second": Scalar("number", "requests/s"),
                "samples_per_second": Scalar("number", "samples/s"),
            }
        )

    async def run(self, context: StepContext) -> Values:
        import asyncio

        step = context.prepare(self.step)
        quiet = _Tally()
        await self._repeat(step, context, self.warmup, quiet, "warm-up")
        tally = _Tally()
        start = context.clock()
        try:
            await self._repeat(step, context, self.repeat, tally, "measuring")
        except asyncio.CancelledError:
            context.keep(tally.values(duration_s=context.clock() - start))
            raise
        return tally.values(duration_s=context.clock() - start)

    async def _repeat(self, step: Step, context: StepContext, times: int, tally: _Tally, phase: str) -> None:
        """Share `times` calls out to the virtual users; the first failure ends them all."""
        import asyncio

        numbers = iter(range(times))
        start = context.clock()

        async def user() -> None:
            for number in numbers:
                # `expect` is about the series: an error among a hundred answers is one all the same
                own = replace(context, seed=context.seed + number, expected=frozenset())
                try:
                    values = await step.run(own)
                except StepFailed as problem:
                    if not self.tolerate_errors:
                        raise
                    tally.failed(problem)
                else:
                    tally.succeeded(values, context.clock() - start)
                context.progress(f"{phase} {tally.count}/{times}{tally.so_far()}")

        async with asyncio.TaskGroup() as users:
            for _ in range(min(self.concurrency, times)):
                users.create_task(user())


@dataclass
class _Tally:
    """What the calls gave, in the order in which they ended."""

    numbers: dict[str, list[float]] = field(default_factory=dict)
    truths: dict[str, list[bool]] = field(default_factory=dict)
    times_s: list[float] = field(default_factory=list)
    errors: int = 0
    first_error: str | None = None

    @property
    def count(self) -> int:
        return len(self.times_s) + self.errors

    def succeeded(self, values: Values, at_s: float) -> None:
        self.times_s.append(at_s)
        for name, value in values.items():
            if isinstance(value, bool):
                self.truths.setdefault(name, []).append(value)
            elif isinstance(value, int | float):
                self.numbers.setdefault(name, []).append(_as_float(value))

    def failed(self, problem: StepFailed) -> None:
        self.errors += 1
        self.first_error = self.first_error or problem.message

    def so_far(self) -> str:
        latencies = sorted(self.numbers.get("latency_ms", ()))
        return f", p50 {latencies[len(latencies) // 2]:.1f} ms" if latencies else ""

    def values(self, duration_s: float) -> Values:
        from pynomaly_itest.measure import Samples

        out: Values = {
            name: Samples.of(name, seen, _unit(name), times_s=self._times(seen), duration_s=duration_s)
            for name, seen in self.numbers.items()
        }
        for name, truths in self.truths.items():
            out[f"{name}_ratio"] = _share(sum(truths), len(truths))
        out["count"] = self.count
        out["error_ratio"] = _share(self.errors, self.count)
        out["first_error"] = self.first_error
        out["requests_per_second"] = self._throughput(duration_s, 1.0, "requests/s")
        rows = self.numbers.get("n_samples")
        if rows:
            out["samples_per_second"] = self._throughput(duration_s, sum(rows) / len(rows), "samples/s")
        return out

    def _times(self, seen: list[float]) -> list[float] | None:
        return self.times_s if len(seen) == len(self.times_s) else None

    def _throughput(self, duration_s: float, each: float, unit: str) -> Inference:
        """Successes over wall time, times `each`; its relative interval is that of the mean time between ends."""
        ends = [0.0, *self.times_s]
        gaps = [after - before for before, after in pairwise(ends)]
        value = each * len(self.times_s) / duration_s if duration_s > 0 else float("nan")

        def at(confidence: float) -> Estimate:
            from pynomaly_itest.measure import Estimate, Samples, statistic

            gap = statistic(Samples.of("gap", gaps, "s"), "mean", confidence=confidence)
            known = gap.low is not None and gap.high is not None and gap.low > 0
            return Estimate(
                value,
                unit,
                len(gaps),
                low=value * gap.value / gap.high if known and gap.high else None,
                high=value * gap.value / gap.low if known and gap.low else None,
                confidence=gap.confidence,
                method="rate of ends",
            )

        return at


def _share(hits: int, n: int) -> Inference:
    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import proportion

        return proportion(hits, n, confidence=confidence)

    return at


def _as_float(value: float) -> float:
    """A reply's number; one beyond all floats is infinite, so that no gate can pass on it."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _unit(name: str) -> str:
    from pynomaly_itest.shapes import unit_of

    return unit_of(name) or "1"


def _varies(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.type in ("number", "boolean")


def _series(name: str, shape: Shape) -> tuple[str, Shape]:
    """A number's series, a truth value's ratio."""
    if isinstance(shape, Scalar) and shape.type == "boolean":
        return f"{name}_ratio", Scalar("number", "1")
    return name, Series(_unit(name))
