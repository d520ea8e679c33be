"""The target's memory at this moment, once it has settled: at rest, after a load, after a clean-up."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.steps.base import Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.target.observer import Observer

_EVERY_S = 0.25
_READINGS = 6
_TOLERANCE_MB = 4.0
_TOLERANCE = 0.02


@STEPS.register("memory")
class Memory(Step):
    """Read the target's resident memory until it stands still: six readings within 4 MB or 2 % of each other.

    `rss_mb` is the middle one of these. With `since`, an earlier `rss_mb`, `kept_mb` is what there is more of now:
    what was not given back. Memory that is still moving after `within` tells neither: the step is inconclusive.
    """

    summary: ClassVar[str] = (
        "the target's memory now that it has settled, and how much more that is than before"
    )
    needs_platform: ClassVar[bool] = False

    since: float | None = Field(None, ge=0, description="an earlier rss_mb: kept_mb is counted from there")
    within: float = Field(15.0, gt=0, le=600, description="seconds in which it must settle")

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        fields: dict[str, Shape] = {"rss_mb": Scalar("number", "mb"), "settled_s": Scalar("number", "s")}
        if config.get("since") is not None:
            fields["kept_mb"] = Scalar("number", "mb")
        return Record(fields)

    async def run(self, context: StepContext) -> Values:
        observer = context.observer
        if observer is None:
            raise CannotMeasure("nothing watches the target's memory here")
        start = context.clock()
        readings: list[float] = []
        while context.clock() - start < self.within:
            readings.append(await _reading(observer))
            context.progress(f"{readings[-1]:.0f} MB")
            if has_settled(readings):
                return self._values(readings, context.clock() - start)
            await context.sleep(_EVERY_S)
        seen = f"{len(readings)} readings, {min(readings):.0f} to {max(readings):.0f} MB"
        raise NotEnoughEvidence(f"the memory has not settled within {self.within:g} s: {seen}", {})

    def _values(self, readings: list[float], settled_s: float) -> Values:
        rss_mb = median(readings[-_READINGS:])
        values: Values = {"rss_mb": rss_mb, "settled_s": settled_s}
        if self.since is not None:
            values["kept_mb"] = rss_mb - self.since
        return values


def has_settled(readings: list[float]) -> bool:
    """Whether the last six readings agree."""
    last = readings[-_READINGS:]
    allowed = max(_TOLERANCE_MB, _TOLERANCE * max(last))
    return len(last) == _READINGS and max(last) - min(last) <= allowed


async def _reading(observer: Observer) -> float:
    """MB resident right now; raises CannotMeasure where the target can't be watched."""
    seen = len(observer.readings)
    await observer.look()
    if observer.absence is not None or len(observer.readings) == seen:
        raise CannotMeasure(observer.absence or "the target's memory can't be read: it does not answer")
    return observer.readings[-1].rss_mb
