"""Send a dataset of the profile to the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body
from pynomaly_itest.target.platform import PREFIX, require

if TYPE_CHECKING:
    from pynomaly_itest.datasets.base import Dataset
    from pynomaly_itest.load import Endpoint

_MEDIA = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "parquet": "application/vnd.apache.parquet",
    "npy": "application/octet-stream",
}


_PAGE = 100
_MOST_PAGES = 100


@STEPS.register("upload_dataset")
class UploadDataset(Step):
    """Upload a dataset, or its first rows; what comes back is checked against what was sent (rows, columns, target)."""

    summary: ClassVar[str] = "upload a dataset of the profile (csv, tsv, parquet, npy)"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: str = Field(description="a name from the profile's `datasets`")
    format: Literal["csv", "tsv", "parquet", "npy"] = Field("csv", description="how it is sent")
    name: str | None = Field(None, description="what it is called on the platform", max_length=200)
    description: str | None = Field(None, max_length=1000)
    rows: int | None = Field(
        None, ge=1, description="only the first so many rows (all, where the dataset has fewer)"
    )
    labels: bool = Field(True, description="whether the labels go along, where the dataset has any")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return Record(
            {
                "id": Scalar("string"),
                "name": Scalar("string"),
                "n_samples": Scalar("number", "1"),
                "n_features": Scalar("number", "1"),
                "has_target": Scalar("boolean"),
                "label_rate": Scalar("number", "1", "share of the rows sent that are labelled anomalies"),
                "target_column": Scalar("any"),
                "memory_usage_mb": Scalar("number", "mb"),
                "upload_ms": Scalar("number", "ms"),
            },
            open=True,
        )

    async def run(self, context: StepContext) -> Values:
        table = await self._table(context)
        form = self._form(table, self.name or f"{context.label} {self.dataset}", context.label)
        reply = await context.api.send("POST", "datasets/upload", body=Body(files=form))
        stored = require(reply, (200, 201))
        if not isinstance(stored, dict) or not isinstance(stored.get("id"), str | int):
            raise StepFailed("POST datasets/upload answered without the dataset's id")
        context.ledger.created("dataset", str(stored["id"]), f"datasets/{stored['id']}")
        self._check(stored, table)
        rate = None if table.labels is None else float(table.labels.mean())
        return {**stored, "label_rate": rate, "upload_ms": reply.latency_ms}

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint:
        """The same request for load: the same file again and again, each stored as a dataset of its own."""
        import httpx

        from pynomaly_itest.load import Check, Endpoint

        table = await self._table(context)
        form = self._form(table, self._name_under_load(context), context.label)
        written = httpx.Request("POST", "http://any/", files=form)
        headers = {
            **await context.api.authorization(),
            "Content-Type": written.headers["content-type"],
            "Accept": "application/json",
        }
        return Endpoint(
            name=name,
            method="POST",
            path=f"{PREFIX}/datasets/upload",
            headers=tuple(headers.items()),
            bodies=(written.read(),),
            weight=weight,
            checks=(Check("n_samples", "==", int(table.X.shape[0])),),
            created_id="id",
        )

    async def settle(self, context: StepContext, ids: Sequence[str], *, is_complete: bool) -> int:
        """Enter what a load uploaded for the clean-up, also what was stored though its answer never came."""
        found = list(ids)
        if not is_complete:
            found += await _named(self._name_under_load(context), context)
        self.enter(context, found)
        return 0

    def enter(self, context: StepContext, ids: Sequence[str]) -> None:
        """Enter what a load uploaded for the clean-up."""
        for stored in dict.fromkeys(ids):
            context.ledger.created("dataset", stored, f"datasets/{stored}")

    def _name_under_load(self, context: StepContext) -> str:
        return self.name or f"{context.label} {self.dataset} load"

    async def _table(self, context: StepContext) -> Dataset:
        """What is sent: the dataset, or the part that was asked for."""
        return (await context.dataset(self.dataset)).part(self.rows, labels=self.labels)

    def _form(self, table: Dataset, name: str, label: str) -> dict[str, Any]:
        """The parts of the multipart body."""
        fields = {"name": name}
        if self.name is not None:  # the mark by which `cleanup` knows it, which else is its name
            fields["metadata"] = json.dumps({"made_by": label})
        if self.description:
            fields["description"] = self.description
        if table.labels is not None:
            fields["target_column"] = self._target_column(table.X.shape[1])
        parts: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
        return {
            **parts,
            "file": (f"{self.dataset}.{self.format}", table.write(self.format), _MEDIA[self.format]),
        }

    def _target_column(self, features: int) -> str:
        """The labels' column: an .npy file has no names, the platform counts its columns from f0."""
        return f"f{features}" if self.format == "npy" else "label"

    @staticmethod
    def _check(stored: dict[str, Any], table: Dataset) -> None:
        """The platform must hold what was sent: as many rows, as many features, the target apart."""
        rows, columns = table.X.shape
        has_target = table.labels is not None
        for name, sent in (("n_samples", rows), ("n_features", columns), ("has_target", has_target)):
            if stored.get(name) != sent:
                raise StepFailed(
                    f"the stored dataset has {name} = {stored.get(name)!r}, what was sent has {sent}"
                )


async def _named(name: str, context: StepContext) -> list[str]:
    """The ids of the datasets that are called so, as far as the target lists them."""
    found: list[str] = []
    for page in range(_MOST_PAGES):
        reply = await context.api.call("GET", f"datasets?limit={_PAGE}&offset={page * _PAGE}")
        items = reply.get("items") if isinstance(reply, dict) else reply
        if not isinstance(items, list):
            break
        known = [each for each in items if isinstance(each, dict) and "id" in each]
        found += [str(each["id"]) for each in known if each.get("name") == name]
        if len(items) < _PAGE:
            break
    return found
