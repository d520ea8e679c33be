"""Score a stored dataset with a trained detector."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.adapters.detections import check_asked, check_detection
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body, Reply
from pynomaly_itest.target.platform import PREFIX, require

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint


@STEPS.register("detect")
class Detect(Step):
    """Ask for the anomalies of a stored dataset; the reply must be consistent in itself."""

    summary: ClassVar[str] = "score a stored dataset with a trained detector"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    detector: str = Field(description="the detector's id")
    dataset: str = Field(description="the stored dataset's id")
    timeout_s: float = Field(60.0, gt=0)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return DETECTION

    async def run(self, context: StepContext) -> Values:
        wanted = {"detector_id": self.detector, "dataset_id": self.dataset}
        reply = await context.api.send(
            "POST", "detection/detect", body=Body(json=wanted), timeout_s=self.timeout_s
        )
        result = read_detection(reply)
        check_asked(result, detector_id=self.detector, dataset_id=self.dataset)
        if isinstance(result.get("id"), str):
            context.ledger.created("result", result["id"], f"detection/results/{result['id']}")
        return {**result, "latency_ms": reply.latency_ms, "cached": is_cached(reply, result)}

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load."""
        from pynomaly_itest.load import Check, Endpoint

        body = json.dumps({"detector_id": self.detector, "dataset_id": self.dataset}).encode()
        headers = {**await context.api.authorization(), "Content-Type": "application/json"}
        return Endpoint(
            name=name,
            method="POST",
            path=f"{PREFIX}/detection/detect",
            headers=tuple(headers.items()),
            bodies=(body,),
            weight=weight,
            steady=("anomaly_scores", "anomaly_labels"),
            checks=(Check("n_anomalies"), Check("anomaly_scores")),
        )


DETECTION = Record(
    {
        "id": Scalar("string"),
        "n_samples": Scalar("number", "1"),
        "n_anomalies": Scalar("number", "1"),
        "anomaly_rate": Scalar("number", "1"),
        "threshold": Scalar("number"),
        "execution_time_ms": Scalar("number", "ms"),
        "latency_ms": Scalar("number", "ms"),
        "cached": Scalar("boolean"),
    },
    open=True,
)


def read_detection(reply: Reply) -> dict[str, Any]:
    """The detection in `reply`; raises StepFailed where it contradicts itself."""
    return check_detection(require(reply, (200, 201)))


def is_cached(reply: Reply, result: Mapping[str, Any]) -> bool:
    """Whether the platform says that the answer came from its cache."""
    return reply.headers.get("x-cache", "").lower() == "hit" or result.get("cached") is True
