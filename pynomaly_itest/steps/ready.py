"""Ask the service whether it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("ready")
class ReadyStep(Step):
    """Ask where the service tells that it takes requests; anything but its word for ready fails the step.

    `version` is what the service says of itself, or nothing.
    """

    summary: ClassVar[str] = "ask whether the service is ready, and which version it is"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False

    timeout_s: float = Field(10.0, gt=0)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "status": Scalar("number"),
                "latency_ms": Scalar("number", "ms"),
                "version": Scalar("any", doc="what the service says its version is, or null"),
            }
        )

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("ready",)

    async def run(self, context: StepContext) -> Values:
        reply = await context.service.ready(self.timeout_s)
        version = await context.service.version()
        return {"status": reply.status, "latency_ms": reply.latency_ms, "version": version}
