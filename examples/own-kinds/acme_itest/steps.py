"""`ping`: ask a path a few times, and say how long the quickest answer took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("ping")
class Ping(Step):
    """GET a path several times; the quickest answer tells of the way there, hardly of the service's work."""

    summary: ClassVar[str] = "how far away the service is"
    needs_platform: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    path: str = "/"
    times: int = Field(5, ge=1, le=100, description="how often it is asked")

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record({"quickest_ms": Scalar("number", "ms", "the quickest of the answers")})

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    async def run(self, context: StepContext) -> Values:
        took_ms = [(await context.http.send("GET", self.path)).latency_ms for _ in range(self.times)]
        return {"quickest_ms": min(took_ms)}
