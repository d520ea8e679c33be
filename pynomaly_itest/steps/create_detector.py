"""Create a detector: an algorithm with its parameters, not trained yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body


@STEPS.register("create_detector")
class CreateDetector(Step):
    """Create a detector of an algorithm (`isolation_forest` or `IsolationForest`)."""

    summary: ClassVar[str] = "create a detector of an algorithm"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    algorithm: str = Field(description="isolation_forest, local_outlier_factor, … (`list algorithms`)")
    name: str | None = Field(None, max_length=200)
    contamination: float = Field(0.1, gt=0, le=0.5, description="expected share of anomalies")
    parameters: dict[str, Any] = Field(default_factory=dict, description="the algorithm's own parameters")

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
                "id": Scalar("string"),
                "name": Scalar("string"),
                "algorithm_name": Scalar("string"),
                "contamination_rate": Scalar("number", "1"),
                "is_fitted": Scalar("boolean"),
            },
            open=True,
        )

    async def run(self, context: StepContext) -> Values:
        wanted = {
            "name": self.name or f"{context.label} {self.algorithm}",
            "algorithm_name": self.algorithm,
            "contamination_rate": self.contamination,
            "parameters": self.parameters,
        }
        if self.name is not None:  # the mark by which `cleanup` knows it, which else is its name
            wanted["metadata"] = {"made_by": context.label}
        made = await context.api.call("POST", "detectors", accept=(200, 201), body=Body(json=wanted))
        if not isinstance(made, dict) or not isinstance(made.get("id"), str | int):
            raise StepFailed("POST detectors answered without the detector's id")
        context.ledger.created("detector", str(made["id"]), f"detectors/{made['id']}")
        if made.get("is_fitted"):
            raise StepFailed("a detector that was never trained says that it is fitted")
        return dict(made)
