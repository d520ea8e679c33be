"""KServe's first protocol, which TensorFlow Serving has too: `POST /v1/models/MODEL:predict`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from pynomaly_itest.adapters.answers import Answers
from pynomaly_itest.adapters.base import Adapter, Ready, ScoreRequest, json_body
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.registry import ADAPTERS


@ADAPTERS.register("kserve-v1")
class KServe(Adapter):
    """A model server that takes `{"instances": […]}` and answers `{"predictions": […]}`.

    `scores` and `labels` are JMESPath over the whole answer: `predictions`, or `predictions[*].score` where each
    prediction is a mapping.
    """

    summary: ClassVar[str] = "KServe's and TensorFlow Serving's /v1/models/MODEL:predict"
    example: ClassVar[str] = """\
service:
  adapter: kserve-v1
  model: thyroid
  score: {scores: "predictions[*].score", labels: "predictions[*].label", higher_is: anomalous, anomaly: 1}
  data: {labelled: test.csv:label}"""

    model: str = Field(min_length=1, description="the model's name on the server")
    instances: Literal["rows", "records"] = Field("rows", description="a list of values a row, or a mapping")
    score: Answers = Field(description="where in the answer scores and labels stand, and what they mean")

    @property
    def answers(self) -> Answers:
        return self.score

    @property
    def ready_path(self) -> Ready | None:
        return self.ready or Ready(path=self._path, at="ready")

    @property
    def _path(self) -> str:
        return f"/v1/models/{quote(self.model, safe='')}"

    def score_request(self, rows: Rows, *, model: str | None = None, compact: bool = False) -> ScoreRequest:
        instances: list[Any] = rows.records() if self.instances == "records" else rows.lists()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return ScoreRequest("POST", f"{self._path}:predict", json_body({"instances": instances}), headers)
