"""Train a detector on a stored dataset and wait until it is fitted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.wait_for_operation import PATIENCE, follow
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import PREFIX

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint


_SETTLED_WITHIN_S = 300.0


@STEPS.register("train_detector")
class TrainDetector(Step):
    """Start the training and follow it to its end; afterwards the detector must say that it is fitted.

    `training_time_seconds` is what a user waits: from the request to the end that was seen. What the platform
    says of itself is `server_training_time_seconds`.
    """

    summary: ClassVar[str] = "train a detector on a stored dataset and wait for it"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    detector: str = Field(description="the detector's id")
    dataset: str = Field(description="the stored dataset's id")
    wait: bool = Field(True, description="false: return with the operation's id at once")
    timeout_s: float | None = Field(None, gt=0, description=PATIENCE)

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
                "operation_id": Scalar("string"),
                "status": Scalar("string"),
                "training_time_seconds": Scalar("number", "s"),
                "server_training_time_seconds": Scalar("number", "s"),
            },
            open=True,
        )

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load: each answer is an operation, followed to its end when the load is over."""
        from pynomaly_itest.load import Endpoint

        body = json.dumps({"detector_id": self.detector, "dataset_id": self.dataset}).encode()
        headers = {**await context.api.authorization(), "Content-Type": "application/json"}
        return Endpoint(
            name=name,
            method="POST",
            path=f"{PREFIX}/detection/train",
            headers=tuple(headers.items()),
            bodies=(body,),
            weight=weight,
            created_id="id",
        )

    def enter(self, context: StepContext, ids: Sequence[str]) -> None:
        """Nothing is left behind by a training: it goes with its detector."""

    async def settle(self, context: StepContext, ids: Sequence[str], *, is_complete: bool) -> int:
        """Wait for the trainings that were accepted; how many did not end completed."""
        begun, unfinished = context.clock(), 0
        for operation in ids:
            left_s = max(0.0, begun + (self.timeout_s or _SETTLED_WITHIN_S) - context.clock())
            try:
                ended = await follow(context, operation, left_s)
            except StepFailed:
                unfinished += 1
            else:
                unfinished += ended["status"] != "completed"
        return unfinished

    async def run(self, context: StepContext) -> Values:
        start = context.clock()
        wanted = {"detector_id": self.detector, "dataset_id": self.dataset}
        begun = await context.api.call("POST", "detection/train", accept=(200, 202), body=Body(json=wanted))
        operation = begun.get("id") or begun.get("operation_id") if isinstance(begun, dict) else None
        if not isinstance(operation, str):
            raise StepFailed("POST detection/train answered without the operation's id")
        if not self.wait:
            return {"operation_id": operation, "status": begun.get("status")}
        ended = await follow(context, operation, self.timeout_s)
        waited_s = context.clock() - start
        if ended["status"] != "completed":
            why = ended.get("error") or ended.get("detail") or "no reason given"
            raise StepFailed(f"the training ended {ended['status']}: {why}")
        detector = await context.api.call("GET", f"detectors/{self.detector}")
        if not isinstance(detector, dict) or not detector.get("is_fitted"):
            raise StepFailed("the training is completed, and the detector says that it is not fitted")
        result = ended.get("result")
        return {
            "operation_id": operation,
            "status": ended["status"],
            "training_time_seconds": waited_s,
            "server_training_time_seconds": (
                result.get("training_time_seconds") if isinstance(result, dict) else None
            ),
        }
