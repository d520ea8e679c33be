"""Score rows that travel in the request."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.adapters.detections import check_asked
from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.detect import DETECTION, is_cached, read_detection
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import PREFIX

if TYPE_CHECKING:
    from pynomaly_itest.load import Endpoint

_LOAD_BODIES = 64
"""How many different bodies a load draws from: prepared once, so that making them costs nothing under load."""


@STEPS.register("predict")
class Predict(Step):
    """Send rows of a dataset for scoring: the first ones, or rows drawn anew (seeded) for every request."""

    summary: ClassVar[str] = "score rows sent in the request"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    detector: str = Field(description="the detector's id")
    dataset: str = Field(description="a name from the profile's `datasets`, whose rows are sent")
    rows: int = Field(1, ge=1, le=1_000_000, description="how many rows a request carries")
    draw: Literal["first", "random"] = Field("random", description="random: other rows in every request")
    format: Literal["json", "npy"] = Field("json", description="how the rows travel")
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
        table = await context.dataset(self.dataset)
        rows = self._rows(table.X, context.seed)
        if self.format == "npy":
            body, query = Body(content=_npy(rows)), f"?detector_id={self.detector}"
            headers = {"Content-Type": "application/x-npy"}
        else:
            body, query, headers = Body(json={"detector_id": self.detector, "rows": rows.tolist()}), "", {}
        reply = await context.api.send(
            "POST", f"detection/predict{query}", body=body, headers=headers, timeout_s=self.timeout_s
        )
        result = read_detection(reply)
        check_asked(result, detector_id=self.detector)
        if result["n_samples"] != len(rows):
            raise StepFailed(f"{len(rows)} rows were sent, the reply scores {result['n_samples']}")
        return {**result, "latency_ms": reply.latency_ms, "cached": is_cached(reply, result)}

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load: bodies with different rows, each answer to have a label for every row."""
        from pynomaly_itest.load import Check, Endpoint

        X = (await context.dataset(self.dataset)).X
        count = _LOAD_BODIES if self.draw == "random" else 1
        bodies, query, kind = [], "", "application/json"
        for number in range(count):
            rows = self._rows(X, context.seed + number)
            if self.format == "npy":
                bodies.append(_npy(rows))
                query, kind = f"?detector_id={self.detector}", "application/x-npy"
            else:
                bodies.append(json.dumps({"detector_id": self.detector, "rows": rows.tolist()}).encode())
        headers = {**await context.api.authorization(), "Content-Type": kind, "Accept": "application/json"}
        return Endpoint(
            name=name,
            method="POST",
            path=f"{PREFIX}/detection/predict{query}",
            headers=tuple(headers.items()),
            bodies=tuple(bodies),
            weight=weight,
            steady=("anomaly_scores", "anomaly_labels"),
            checks=(
                Check("anomaly_labels", "length", self.rows),
                Check("anomaly_scores", "length", self.rows),
            ),
        )

    def _rows(self, X: Any, seed: int) -> Any:
        """(rows, d): the first rows, or rows from a random place on, wrapping around at the end."""
        start = random.Random(seed).randrange(len(X)) if self.draw == "random" else 0  # noqa: S311 - no secret
        return X.take(range(start, start + self.rows), axis=0, mode="wrap")


def _npy(rows: Any) -> bytes:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
