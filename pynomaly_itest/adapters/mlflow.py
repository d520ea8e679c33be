"""MLflow's scoring server, and what speaks like it (SageMaker, Databricks): `POST /invocations`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.adapters.answers import Answers
from pynomaly_itest.adapters.base import Adapter, Ready, ScoreRequest, json_body
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.registry import ADAPTERS


@ADAPTERS.register("mlflow")
class MLflow(Adapter):
    """A scoring server that takes a data frame and answers `{"predictions": […]}`.

    `scores` and `labels` are JMESPath over the whole answer: `predictions`, or `predictions[*].score` where the model
    gives a data frame.
    """

    summary: ClassVar[str] = "MLflow's scoring server: /invocations, SageMaker and Databricks alike"
    example: ClassVar[str] = """\
service:
  adapter: mlflow
  score: {scores: "predictions[*].score", labels: "predictions[*].label", higher_is: normal, anomaly: -1}
  data: {labelled: test.csv:label}"""

    orient: Literal["split", "records", "columns", "rows", "csv"] = Field(
        "split", description="dataframe_split, dataframe_records, inputs by column, inputs by row, or CSV"
    )
    path: str = Field("/invocations", pattern=r"^/", description="where it is asked")
    params: dict[str, Any] = Field(default_factory=dict, description="the model's parameters of inference")
    score: Answers = Field(description="where in the answer scores and labels stand, and what they mean")

    @property
    def answers(self) -> Answers:
        return self.score

    @property
    def ready_path(self) -> Ready | None:
        return self.ready or Ready(path="/ping")

    @property
    def taken(self) -> frozenset[str]:
        """By its signature MLflow takes the columns that the model knows by name, and drops the others."""
        named = {"wide"} if self.orient in ("split", "records", "columns", "csv") else set()
        return frozenset(self.invalid.taken) | named

    def score_request(self, rows: Rows, *, model: str | None = None, compact: bool = False) -> ScoreRequest:
        if self.orient == "csv":
            headers = {"Content-Type": "text/csv", "Accept": "application/json"}
            return ScoreRequest("POST", self.path, rows.csv().encode(), headers)
        body = {**self._frame(rows), **({"params": self.params} if self.params else {})}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return ScoreRequest("POST", self.path, json_body(body), headers)

    def _frame(self, rows: Rows) -> dict[str, Any]:
        match self.orient:
            case "split":
                return {"dataframe_split": {"columns": list(rows.names), "data": rows.lists()}}
            case "records":
                return {"dataframe_records": rows.records()}
            case "columns":
                return {"inputs": rows.columns()}
            case _:
                return {"inputs": rows.lists()}
