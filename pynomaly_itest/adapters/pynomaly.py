"""The bundled platform, and every deployment of it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.adapters.answers import Answers
from pynomaly_itest.adapters.base import Adapter, Capability, Ready, ScoreRequest, Version, json_body
from pynomaly_itest.adapters.detections import check_asked, check_detection
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import ADAPTERS


@ADAPTERS.register("pynomaly")
class Pynomaly(Adapter):
    """The platform: models are uploaded for, trained and asked by requests, so it needs no `score` and no `data`."""

    summary: ClassVar[str] = "the bundled platform, and every deployment of it"
    example: ClassVar[str] = """\
service:
  adapter: pynomaly
  auth: {header: X-API-Key, value: "${{ env.PLATFORM_KEY }}"}"""

    prefix: str = Field("/api/v1", pattern=r"^(/[A-Za-z0-9._~-]+)*$", description="what its paths begin with")

    @property
    def answers(self) -> Answers:
        return Answers(
            scores="anomaly_scores",
            labels="anomaly_labels",
            threshold="threshold",
            higher_is="anomalous",
            anomaly=1,
        )

    @property
    def ready_path(self) -> Ready | None:
        return self.ready or Ready(path=f"{self.prefix}/health/ready")

    @property
    def version_path(self) -> Version | None:
        return self.version or Version(path=f"{self.prefix}/health", at="version")

    @property
    def trains(self) -> bool:
        return True

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() | {
            Capability.PLATFORM,
            Capability.AUTHENTICATION,
        }

    def check_answer(self, document: Any, model: str | None) -> None:
        result = check_detection(document)
        if model is not None:
            check_asked(result, detector_id=model)

    def score_request(self, rows: Rows, *, model: str | None = None, compact: bool = False) -> ScoreRequest:
        if model is None:
            raise UsageError("the platform has many models: say which", hint='model: "${{ model.id }}"')
        path = f"{self.prefix}/detection/predict"
        if compact:
            headers = {"Content-Type": "application/x-npy", "Accept": "application/json"}
            return ScoreRequest("POST", f"{path}?detector_id={model}", rows.npy(), headers)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return ScoreRequest("POST", path, json_body({"detector_id": model, "rows": rows.lists()}), headers)
