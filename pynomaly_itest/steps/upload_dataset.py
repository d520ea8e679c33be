"""Send a dataset of the profile to the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import require

_MEDIA = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "parquet": "application/vnd.apache.parquet",
    "npy": "application/octet-stream",
}


@STEPS.register("upload_dataset")
class UploadDataset(Step):
    """Upload a dataset; what comes back is checked against what was sent (rows, columns, target)."""

    summary: ClassVar[str] = "upload a dataset of the profile (csv, tsv, parquet, npy)"
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: str = Field(description="a name from the profile's `datasets`")
    format: Literal["csv", "tsv", "parquet", "npy"] = Field("csv", description="how it is sent")
    name: str | None = Field(None, description="what it is called on the platform", max_length=200)
    description: str | None = Field(None, max_length=1000)

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "id": Scalar("string"),
                "name": Scalar("string"),
                "n_samples": Scalar("number", "1"),
                "n_features": Scalar("number", "1"),
                "has_target": Scalar("boolean"),
                "target_column": Scalar("any"),
                "memory_usage_mb": Scalar("number", "mb"),
                "upload_ms": Scalar("number", "ms"),
            },
            open=True,
        )

    async def run(self, context: StepContext) -> Values:
        table = await context.dataset(self.dataset)
        target = self._target_column(table.X.shape[1]) if table.labels is not None else None
        fields = {"name": self.name or f"{context.label} {self.dataset}"}
        if self.description:
            fields["description"] = self.description
        if target:
            fields["target_column"] = target
        file = (f"{self.dataset}.{self.format}", table.write(self.format), _MEDIA[self.format])
        parts: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
        reply = await context.api.send("POST", "datasets/upload", body=Body(files={**parts, "file": file}))
        stored = require(reply, (200, 201))
        if not isinstance(stored, dict) or not isinstance(stored.get("id"), str | int):
            raise StepFailed("POST datasets/upload answered without the dataset's id")
        context.ledger.created("dataset", str(stored["id"]), f"datasets/{stored['id']}")
        self._check(stored, *table.X.shape)
        return {**stored, "upload_ms": reply.latency_ms}

    def _target_column(self, features: int) -> str:
        """The labels' column: an .npy file has no names, the platform counts its columns from f0."""
        return f"f{features}" if self.format == "npy" else "label"

    @staticmethod
    def _check(stored: dict[str, Any], rows: int, columns: int) -> None:
        """The platform must hold what was sent: as many rows, as many features, the target apart."""
        for name, sent in (("n_samples", rows), ("n_features", columns)):
            if stored.get(name) != sent:
                raise StepFailed(f"the stored dataset has {name} = {stored.get(name)!r}, {sent} were sent")
