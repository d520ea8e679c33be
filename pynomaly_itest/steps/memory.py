"""The target's memory at this moment, once it has settled: at rest, after a load, after a clean-up."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values

if TYPE_CHECKING:
    from pynomaly_itest.target.base import Target
    from pynomaly_itest.target.observer import Observer

_EVERY_S = 0.25
_READINGS = 6
_TOLERANCE_MB = 4.0
_TOLERANCE = 0.02
_MIB = 1024 * 1024


@STEPS.register("memory")
class Memory(Step):
    """Read the target's memory until it stands still: six readings within 4 MB or 2 % of each other.

    `rss_mb` is all that is resident; `own_mb` what no other process shares, and so changes with none (of a target
    whose processes are not ours, what it says is resident). With `since`, an earlier `own_mb`, `kept_mb` is what
    there is more of now: what was not given back. Memory that is still moving after `within` tells none of it: the
    step is inconclusive.
    """

    summary: ClassVar[str] = (
        "the target's memory now that it has settled, and how much more that is than before"
    )
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False

    since: float | None = Field(None, ge=0, description="an earlier own_mb: kept_mb is counted from there")
    within: float = Field(15.0, gt=0, le=600, description="seconds in which it must settle")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.NOTHING

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        fields: dict[str, Shape] = {name: Scalar("number", "mb") for name in ("rss_mb", "own_mb")}
        fields["settled_s"] = Scalar("number", "s")
        if config.get("since") is not None:
            fields["kept_mb"] = Scalar("number", "mb")
        return Record(fields)

    async def run(self, context: StepContext) -> Values:
        observer = context.observer
        if observer is None:
            raise CannotMeasure("nothing watches the target's memory here")
        start = context.clock()
        resident: list[float] = []
        own: list[float] = []
        while context.clock() - start < self.within:
            resident.append(await _reading(observer))
            own.append(_own_mb(context.target, resident[-1]))
            context.progress(f"{resident[-1]:.0f} MB")
            if has_settled(own):
                return self._values(resident, own, context.clock() - start)
            await context.sleep(_EVERY_S)
        seen = f"{len(own)} readings, {min(own):.0f} to {max(own):.0f} MB"
        raise NotEnoughEvidence(f"the memory has not settled within {self.within:g} s: {seen}", {})

    def _values(self, resident: list[float], own: list[float], settled_s: float) -> Values:
        own_mb = median(own[-_READINGS:])
        values: Values = {
            "rss_mb": median(resident[-_READINGS:]),
            "own_mb": own_mb,
            "settled_s": settled_s,
        }
        if self.since is not None:
            values["kept_mb"] = own_mb - self.since
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


def _own_mb(target: Target, resident_mb: float) -> float:
    """MiB that no other process shares; where that can't be seen, all that is resident."""
    from pynomaly_itest.target.footprint import footprint

    root = target.root_pid()
    found = None if root is None else footprint(root)
    return resident_mb if found is None else found.private_bytes / _MIB
