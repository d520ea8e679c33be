"""A model that is ready to be asked: trained on the platform, the deployed one elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.adapters.fitting import DEPLOYED
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.steps.create_detector import CreateDetector
from pynomaly_itest.steps.train_detector import TrainDetector
from pynomaly_itest.steps.upload_dataset import UploadDataset
from pynomaly_itest.steps.wait_for_operation import PATIENCE

_USUAL_SHARE, _MOST_ANOMALIES = 0.1, 0.5


@STEPS.register("prepare_model")
class PrepareModel(Step):
    """Upload a dataset, create a detector and train it, where the service trains; its `id` is what `score` asks.

    A service that was deployed with its model has nothing to be done for: `id` is then null, and so are the times.
    """

    summary: ClassVar[str] = "a model ready to be asked: trained, or the deployed one"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False
    dataset_fields: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: str = Field(description="a name from the profile's `datasets`, which it is trained on")
    algorithm: str = Field(
        "isolation_forest", description="the algorithm to train; a deployed model has its own"
    )
    contamination: float | None = Field(
        None, gt=0, le=0.5, description="expected share of anomalies; without it, that of the labels, or 0.1"
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="the algorithm's own parameters")
    format: Literal["csv", "tsv", "parquet", "npy"] = Field("npy", description="how the dataset is sent")
    timeout_s: float | None = Field(None, gt=0, description=PATIENCE)

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
                "id": Scalar("any", doc="what `score` asks; null where one model is deployed"),
                "dataset": Scalar(
                    "any", doc="the id of the stored dataset; null where one model is deployed"
                ),
                "algorithm": Scalar("string", doc="the algorithm that was trained, or `deployed`"),
                "training_time_seconds": Scalar("number", "s"),
            }
        )

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("score",)

    async def run(self, context: StepContext) -> Values:
        if not context.service.adapter.trains:
            return {"id": None, "dataset": None, "algorithm": DEPLOYED}
        context.progress("uploading")
        stored = await UploadDataset(dataset=self.dataset, format=self.format).run(context)
        made = await CreateDetector(
            algorithm=self.algorithm,
            contamination=await self._share(context),
            parameters=self.parameters,
        ).run(context)
        context.progress("training")
        training = await TrainDetector(
            detector=str(made["id"]), dataset=str(stored["id"]), timeout_s=self.timeout_s
        ).run(context)
        return {
            "id": str(made["id"]),
            "dataset": str(stored["id"]),
            "algorithm": self.algorithm,
            "training_time_seconds": training["training_time_seconds"],
        }

    async def _share(self, context: StepContext) -> float:
        """The expected share of anomalies: as said, else as labelled, as far as an algorithm takes it."""
        if self.contamination is not None:
            return self.contamination
        labels = (await context.dataset(self.dataset)).labels
        share = 0.0 if labels is None else float(labels.mean())
        return share if 0 < share <= _MOST_ANOMALIES else _USUAL_SHARE
