"""Stop the platform and start it again: what it acknowledged must still be there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("restart")
class RestartTarget(Step):
    """Restart the bundled platform on its data, at the same address; other targets are not ours to stop."""

    summary: ClassVar[str] = "restart the bundled platform, gracefully or by SIGKILL"
    exclusive: ClassVar[bool] = True
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False

    kill: bool = Field(False, description="true: without warning (SIGKILL), as in a crash")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record({"downtime_s": Scalar("number", "s")})

    async def run(self, context: StepContext) -> Values:
        start = context.clock()
        await context.scene.restart(kill=self.kill)
        return {"downtime_s": context.clock() - start}
