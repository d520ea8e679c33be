"""Score rows that come one after another over one connection, in windows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.adapters.detections import is_finite
from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body, RequestFailed
from pynomaly_itest.target.platform import problem_detail


@STEPS.register("stream")
class Stream(Step):
    """Send a dataset's rows as NDJSON, an initial window first, then batches; a score a row comes back, in order.

    Each window is one stream. Fails where an answer is missing, doubled, out of order or not finite. The scores of
    all windows together are the result, to be held against those of `detect` on the same rows.
    """

    summary: ClassVar[str] = "score rows as a stream (NDJSON), window by window"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    detector: str = Field(description="the detector's id")
    dataset: str = Field(
        description="a name from the profile's `datasets`, whose rows are sent in their order"
    )
    window: int = Field(100, ge=1, le=100_000, description="rows in the initial window")
    batch: int = Field(50, ge=1, le=100_000, description="rows in each further one")
    timeout_s: float = Field(60.0, gt=0)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        numbers = {name: Scalar("number", "1") for name in ("n_samples", "n_anomalies", "n_windows")}
        return Record({**numbers, "anomaly_scores": Scalar("any"), "anomaly_labels": Scalar("any")})

    async def run(self, context: StepContext) -> Values:
        rows = (await context.dataset(self.dataset)).X.tolist()
        windows = [rows[: self.window]]
        windows += [rows[at : at + self.batch] for at in range(self.window, len(rows), self.batch)]
        scores: list[float] = []
        labels: list[int] = []
        for number, window in enumerate(windows, start=1):
            for answer in await self._send(context, window):
                scores.append(answer["score"])
                labels.append(answer["label"])
            context.progress(f"window {number}/{len(windows)}")
        return {
            "n_samples": len(scores),
            "n_anomalies": sum(labels),
            "n_windows": len(windows),
            "anomaly_scores": scores,
            "anomaly_labels": labels,
        }

    async def _send(self, context: StepContext, rows: list[list[float]]) -> list[dict[str, Any]]:
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path = f"detection/stream?detector_id={self.detector}"
        reply = await context.api.send(
            "POST",
            path,
            body=Body(content=lines.encode()),
            headers={"Content-Type": "application/x-ndjson"},
            timeout_s=self.timeout_s,
        )
        if reply.status != 200:
            raise RequestFailed(f"POST {path} answered {reply.status}{problem_detail(reply)}", reply.exchange)
        return answers_in(reply.body, len(rows))


def answers_in(body: bytes, n_rows: int) -> list[dict[str, Any]]:
    """The answers of one stream; raises StepFailed unless there is a good one for each row, in the rows' order."""
    try:
        answers = [json.loads(line) for line in body.splitlines() if line.strip()]
    except (ValueError, RecursionError) as problem:
        raise StepFailed(f"a line of the stream is no JSON: {problem}") from problem
    if len(answers) != n_rows:
        raise StepFailed(f"{n_rows} rows were streamed, {len(answers)} answers came back")
    for index, answer in enumerate(answers):
        if not isinstance(answer, dict) or answer.get("index") != index:
            raise StepFailed(f"answer {index} of the stream is not that of row {index}: {str(answer)[:200]}")
        score, label = answer.get("score"), answer.get("label")
        if not is_finite(score) or label not in (0, 1):
            raise StepFailed(f"answer {index} of the stream has no score and label: {str(answer)[:200]}")
    return answers
