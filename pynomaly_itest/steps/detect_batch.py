"""Score several stored datasets in one operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.adapters.detections import check_detection
from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.wait_for_operation import follow
from pynomaly_itest.target.http import Body


@STEPS.register("detect_batch")
class DetectBatch(Step):
    """Start a batch detection, follow it to its end, and fetch every result; there must be one a dataset, in order."""

    summary: ClassVar[str] = "score several stored datasets in one operation"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    detector: str = Field(description="the detector's id")
    datasets: list[str] = Field(min_length=1, description="the stored datasets' ids")
    timeout_s: float = Field(120.0, gt=0)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        numbers = {name: Scalar("number", "1") for name in ("n_results", "n_samples", "n_anomalies")}
        return Record({**numbers, "operation_id": Scalar("string"), "results": Scalar("any")}, open=True)

    async def run(self, context: StepContext) -> Values:
        wanted = {"detector_id": self.detector, "dataset_ids": self.datasets}
        begun = await context.api.call(
            "POST", "detection/detect/batch", accept=(200, 202), body=Body(json=wanted)
        )
        operation = begun.get("id") if isinstance(begun, dict) else None
        if not isinstance(operation, str):
            raise StepFailed("POST detection/detect/batch answered without the operation's id")
        ended = await follow(context, operation, self.timeout_s)
        if ended["status"] != "completed":
            raise StepFailed(
                f"the batch detection ended {ended['status']}: {ended.get('error') or 'no reason given'}"
            )
        results = [await self._result(context, brief) for brief in _briefs(ended)]
        scored = [result.get("dataset_id") for result in results]
        if scored != self.datasets:
            raise StepFailed(f"the batch was asked for {self.datasets}, its results are of {scored}")
        return {
            "operation_id": operation,
            "n_results": len(results),
            "n_samples": sum(result["n_samples"] for result in results),
            "n_anomalies": sum(result["n_anomalies"] for result in results),
            "results": results,
        }

    @staticmethod
    async def _result(context: StepContext, brief: Mapping[str, Any]) -> dict[str, Any]:
        """The whole result, which must be consistent in itself and with what the operation said of it."""
        path = f"detection/results/{brief['id']}"
        context.ledger.created("result", str(brief["id"]), path)
        result = check_detection(await context.api.call("GET", path))
        for name in ("n_samples", "n_anomalies", "threshold"):
            if result.get(name) != brief.get(name):
                raise StepFailed(
                    f"result {brief['id']} has {name} = {result.get(name)}, its operation said {brief.get(name)}"
                )
        return result


def _briefs(ended: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the operation says of its results; raises StepFailed where it names none of them."""
    outcome = ended.get("result")
    briefs = outcome.get("results") if isinstance(outcome, Mapping) else None
    if not isinstance(briefs, list) or not all(
        isinstance(brief, Mapping) and isinstance(brief.get("id"), str | int) for brief in briefs
    ):
        raise StepFailed("the batch detection is completed, and does not name its results")
    return briefs
