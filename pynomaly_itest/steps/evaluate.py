"""Detection quality against the labels that the tool itself knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from pynomaly_itest.adapters.detections import check_asked, is_finite
from pynomaly_itest.adapters.fitting import OWN_ROWS, TRUTH
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.measure.detection import FIGURES, quality
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Inference, Step, StepContext, Values
from pynomaly_itest.steps.detect import read_detection
from pynomaly_itest.target.http import Body

if TYPE_CHECKING:
    from pynomaly_itest.datasets.base import Dataset

_TOLERANCE = 1e-6


@STEPS.register("evaluate")
class Evaluate(Step):
    """Hold scores and labels that come back against the true labels.

    With `dataset`, a stored dataset of the platform is detected on; what the platform reports of itself
    (`detection/evaluate`) must then agree with our figures to 1e-6. Without it, the rows of `source` are sent for
    scoring, to any service. The figures are ours, from labels that are never sent along.
    """

    summary: ClassVar[str] = "accuracy, precision, recall, F1, ROC AUC, average precision against true labels"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    needs_platform: ClassVar[bool] = False  # with `detector` it does: see `needs`
    dataset_fields: ClassVar[tuple[str, ...]] = ("source",)

    detector: str | None = Field(None, description="the detector's id, on the platform")
    dataset: str | None = Field(None, description="the stored dataset's id, on the platform")
    model: str | None = Field(None, description="what `prepare_model` gave; on any service")
    source: str | None = Field(
        None,
        description="the name in the profile's `datasets` that has the labels; without it, the service's own `data`",
    )
    timeout_s: float = Field(60.0, gt=0)

    @model_validator(mode="after")
    def _one_way(self) -> Evaluate:
        if self.detector is not None and self.model is not None:
            raise ValueError("'model' and 'detector' name the same: say one")
        if self.detector is not None and self.dataset is None:
            raise ValueError("'dataset' is missing: 'detector' is asked with a dataset that is stored")
        if self.dataset is not None and self.source is None:
            raise ValueError(
                "'source' is missing: it names the dataset that was uploaded, and has the labels"
            )
        return self

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        numbers = {name: Scalar("number", "1") for name in (*FIGURES, "n_samples", "n_anomalies")}
        return Record({**numbers, "latency_ms": Scalar("number", "ms")})

    @classmethod
    def needs(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        return ("platform",) if config.get("detector") is not None else ("score", TRUTH)

    async def run(self, context: StepContext) -> Values:
        source = OWN_ROWS if self.source is None else self.source
        if self.source is None and context.service.adapter.trains:
            raise CannotMeasure("the step names no `source`, and the platform has no data of its own")
        table = await context.dataset(source)
        if table.labels is None:
            raise CannotMeasure(
                f"dataset {source!r} has no labels to evaluate against",
                hint="name its label column: label: NAME, or --dataset NAME=FILE:LABEL",
            )
        return await (self._sent(table, context) if self.dataset is None else self._stored(table, context))

    async def _sent(self, table: Dataset, context: StepContext) -> Values:
        """From the answers to the rows themselves."""
        rows = Rows.of(table)
        scored = await context.service.score(rows, model=self.model, timeout_s=self.timeout_s)
        labels, scores = scored.reply.labels, scored.reply.scores
        return {
            **quality(table.labels, labels, scores),
            **_rows_of(table, labels, scores),
            **({} if labels is None else {"n_anomalies": sum(labels)}),
            "n_samples": len(rows),
            "latency_ms": scored.latency_ms,
        }

    async def _stored(self, table: Dataset, context: StepContext) -> Values:
        """From a detection on the stored dataset, and held against the platform's own figures."""
        import asyncio

        wanted = {"detector_id": str(self.detector or self.model), "dataset_id": str(self.dataset)}
        reply = await context.api.send(
            "POST", "detection/detect", body=Body(json=wanted), timeout_s=self.timeout_s
        )
        result = read_detection(reply)
        check_asked(result, **wanted)
        if isinstance(result.get("id"), str):
            context.ledger.created("result", result["id"], f"detection/results/{result['id']}")
        ours = quality(table.labels, result["anomaly_labels"], result["anomaly_scores"])
        theirs = await context.api.call("POST", "detection/evaluate", body=Body(json=wanted))
        _agree(await asyncio.to_thread(_points, ours), theirs)
        return {
            **ours,
            **_undefined(table.labels, result["anomaly_labels"]),
            **_rows_of(table, result["anomaly_labels"], result["anomaly_scores"]),
            "n_samples": result["n_samples"],
            "n_anomalies": result["n_anomalies"],
            "latency_ms": reply.latency_ms,
        }


def _rows_of(table: Dataset, labels: Any, scores: Any) -> Values:
    """What was said of each row, for who compares two versions row by row; nothing where one half is missing."""
    from pynomaly_itest.measure import Labels

    return {} if labels is None or scores is None else {"rows": Labels.of(table.labels, labels, scores)}


def _undefined(truth: Any, labels: Any) -> Values:
    """The figures that have no value on these rows, each with why: a share of nothing is no measurement."""
    from pynomaly_itest.measure import Absence

    positives = int(sum(truth))
    found: dict[str, Any] = {}
    if not positives:
        why = "no row is labelled an anomaly: there is nothing to find"
        found |= dict.fromkeys(("recall", "f1", "roc_auc", "average_precision"), Absence(why))
    elif positives == len(truth):
        found["roc_auc"] = Absence("every row is labelled an anomaly: there is nothing to tell them from")
    if labels is not None and not any(labels):
        found["precision"] = Absence(
            "no row was flagged as an anomaly: there is no share of them that is right"
        )
    return found


def _points(measured: Mapping[str, Inference]) -> dict[str, float]:
    """The figures themselves; their intervals are made on the way, off the event loop."""
    return {name: inference(0.95).value for name, inference in measured.items()}


def _agree(ours: Mapping[str, float], theirs: Any) -> None:
    """The platform's own figures must be the true ones; raises StepFailed for the first that isn't.

    Where there is no such figure (the precision of no alarm at all), the platform says none, or 0 by convention.
    """
    if not isinstance(theirs, Mapping):
        raise StepFailed("POST detection/evaluate did not answer with a JSON object")
    for name, value in ours.items():
        said = theirs.get(name, theirs.get("f1_score") if name == "f1" else None)
        undefined = value != value
        if undefined and said is None:
            continue
        if not is_finite(said) or abs(said - (0.0 if undefined else value)) > _TOLERANCE:
            raise StepFailed(f"the platform reports {name} = {said}, its labels and scores give {value:.6g}")
