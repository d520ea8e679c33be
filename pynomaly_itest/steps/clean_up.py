"""Remove what the scenario has created so far, in its midst: for what is to be seen afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values


@STEPS.register("clean_up")
class CleanUp(Step):
    """Take everything away that the scenario's steps have created up to here; it fails where something is left.

    Without this step it is done at the scenario's end.
    """

    summary: ClassVar[str] = "remove what the scenario created so far, as its end would"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record()

    async def run(self, context: StepContext) -> Values:
        left = await context.scene.clean()
        if left:
            raise StepFailed(f"not everything could be removed: {'; '.join(left[:5])}")
        return {}
