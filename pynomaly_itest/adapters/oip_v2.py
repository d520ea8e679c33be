"""The Open Inference Protocol, version 2, over REST: MLServer, KServe, Triton, Seldon, OpenVINO."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from pynomaly_itest.adapters.answers import Answers, JMESPath
from pynomaly_itest.adapters.base import Adapter, Ready, ScoreRequest, Version, json_body
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import ADAPTERS

_NAME = re.compile(r"[\w.-]+")


class Outputs(Answers):
    """Which outputs hold scores and labels: by their names, or JMESPath over the whole answer."""

    scores: JMESPath | None = Field(None, description="the output with the scores, or JMESPath")
    labels: JMESPath | None = Field(None, description="the output with the labels, or JMESPath")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            key: _data_of(value) if key in ("scores", "labels") else value for key, value in given.items()
        }


def _data_of(named: Any) -> Any:
    """The JMESPath of an output's data; what is no mere name is JMESPath already."""
    if isinstance(named, str) and _NAME.fullmatch(named):
        return f"outputs[?name=='{named}'].data | [0]"
    return named


@ADAPTERS.register("oip-v2")
class OpenInference(Adapter):
    """A model server that answers `POST /v2/models/MODEL/infer` with tensors.

    Rows go as one tensor of numbers (`layout: tensor`), or as one tensor a column under the column's name, as
    models that take a data frame want it (`layout: columns`).
    """

    summary: ClassVar[str] = "the Open Inference Protocol over REST: MLServer, KServe, Triton, Seldon"
    example: ClassVar[str] = """\
service:
  adapter: oip-v2
  model: thyroid
  outputs: [score, label]
  score: {scores: score, labels: label, higher_is: normal, anomaly: -1}
  data: {labelled: test.csv:label}"""

    model: str = Field(min_length=1, description="the model's name on the server")
    model_version: str | None = Field(None, description="one version of it; without, the server chooses")
    input: str = Field("input-0", description="the name of the input tensor")
    datatype: Literal["FP64", "FP32"] = Field("FP64", description="of the numbers")
    layout: Literal["tensor", "columns"] = Field("tensor", description="one tensor, or one for each column")
    content_type: str | None = Field(None, description="MLServer's codec of the request: np, pd")
    outputs: list[str] = Field(default_factory=list, description="the outputs to ask for; none: all")
    score: Outputs = Field(description="which outputs hold scores and labels, and what they mean")

    @property
    def answers(self) -> Answers:
        return self.score

    @property
    def ready_path(self) -> Ready | None:
        return self.ready or Ready(path=f"{self._path}/ready")

    @property
    def version_path(self) -> Version | None:
        return self.version or Version(path=self._path, at="versions[-1]")

    @property
    def _path(self) -> str:
        path = f"/v2/models/{quote(self.model, safe='')}"
        return path if self.model_version is None else f"{path}/versions/{quote(self.model_version, safe='')}"

    def score_request(self, rows: Rows, *, model: str | None = None, compact: bool = False) -> ScoreRequest:
        request: dict[str, Any] = {"inputs": self._inputs(rows)}
        if self.content_type is not None:
            request["parameters"] = {"content_type": self.content_type}
        if self.outputs:
            request["outputs"] = [{"name": name} for name in self.outputs]
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return ScoreRequest("POST", f"{self._path}/infer", json_body(request), headers)

    def _inputs(self, rows: Rows) -> list[dict[str, Any]]:
        if self.layout == "columns":
            return [self._column(name, values, rows) for name, values in rows.columns().items()]
        if rows.texts:
            raise UsageError(
                f"the rows have text columns ({', '.join(rows.texts)}), and one tensor holds numbers only",
                hint="layout: columns sends a tensor for each column",
            )
        data = [value for row in rows.lists() for value in row]
        shape = [len(rows), len(rows.names)]
        return [{"name": self.input, "shape": shape, "datatype": self.datatype, "data": data}]

    def _column(self, name: str, values: list[Any], rows: Rows) -> dict[str, Any]:
        kind = "BYTES" if name in rows.texts else "INT64" if name in rows.integers else self.datatype
        return {"name": name, "shape": [len(values), 1], "datatype": kind, "data": values}
