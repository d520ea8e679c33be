"""Score rows that travel in the request."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Shape
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.detect import DETECTION, is_cached, read_detection
from pynomaly_itest.target.http import Body


@STEPS.register("predict")
class Predict(Step):
    """Send rows of a dataset for scoring: the first ones, or rows drawn anew (seeded) for every request."""

    summary: ClassVar[str] = "score rows sent in the request"
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    detector: str = Field(description="the detector's id")
    dataset: str = Field(description="a name from the profile's `datasets`, whose rows are sent")
    rows: int = Field(1, ge=1, le=1_000_000, description="how many rows a request carries")
    draw: Literal["first", "random"] = Field("random", description="random: other rows in every request")
    format: Literal["json", "npy"] = Field("json", description="how the rows travel")
    timeout_s: float = Field(60.0, gt=0)

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
        if result["n_samples"] != len(rows):
            raise StepFailed(f"{len(rows)} rows were sent, the reply scores {result['n_samples']}")
        return {**result, "latency_ms": reply.latency_ms, "cached": is_cached(reply, result)}

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
