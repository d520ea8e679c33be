"""Any service over HTTP, its request and its answer declared in YAML."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from pynomaly_itest.adapters.answers import Answers
from pynomaly_itest.adapters.base import Adapter, ScoreRequest
from pynomaly_itest.adapters.bodies import check_template, fill
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import ADAPTERS


class Score(Answers):
    """The request that scores rows, and where its answer holds scores and labels."""

    method: str = Field("POST", pattern=r"^[A-Z]{1,20}$")
    path: str = Field(pattern=r"^/", description="a path of the service, with its query")
    headers: dict[str, str] = Field(default_factory=dict, description="beside Content-Type and `auth`")
    body: Any = Field(
        description="JSON with $rows, $records, $columns, $flat … where the rows go; or $csv, $npy"
    )

    @model_validator(mode="after")
    def _carries_rows(self) -> Score:
        check_template(self.body)
        return self


@ADAPTERS.register("mapping")
class Mapping(Adapter):
    """A service that is asked as `score.body` says, and whose answer holds what `score.scores` and `score.labels` find.

    Placeholders of the body: $rows (a list for each row), $records (a mapping of names for each), $columns (a list
    for each column), $flat (all values in one list), $row and $record (of a lone row), $names, $count, $width; as the
    whole body also $csv, $csv_without_names, $npy, $ndjson.
    """

    summary: ClassVar[str] = "any HTTP service, its request and answer declared in YAML"
    example: ClassVar[str] = """\
service:
  adapter: mapping
  ready: {path: /healthz}
  auth: {header: X-API-Key, value: "${{ env.SERVICE_KEY }}"}
  score:
    path: /predict
    body: {data: $rows}
    scores: scores
    labels: labels
    higher_is: normal
    anomaly: -1
  data: {labelled: test.csv:label}"""

    score: Score = Field(description="the request that scores rows, and how its answer is read")

    @property
    def answers(self) -> Answers:
        return self.score

    def score_request(self, rows: Rows, *, model: str | None = None, compact: bool = False) -> ScoreRequest:
        try:
            body = fill(self.score.body, rows)
        except ValueError as problem:
            raise UsageError(f"service.score.body: {problem}") from problem
        headers = {"Content-Type": body.media_type, "Accept": "application/json", **self.score.headers}
        return ScoreRequest(self.score.method, self.score.path, body.content, headers)
