"""Detection quality against the labels that the tool itself knows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.steps.base import Inference, Step, StepContext, Values
from pynomaly_itest.steps.detect import check_asked, is_finite, read_detection
from pynomaly_itest.target.http import Body

if TYPE_CHECKING:
    from pynomaly_itest.measure import Estimate

_FEWEST_OF_A_CLASS = 5
_TOLERANCE = 1e-6
_MANY_ROWS, _MANY_RESAMPLES, _FEW_RESAMPLES = 5_000, 999, 199
_QUALITY = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")


@STEPS.register("evaluate")
class Evaluate(Step):
    """Detect on a stored dataset and hold the labels that came back against the true ones.

    The figures are ours, from the labels that we sent (and the platform never trains on); what the platform
    reports of itself (`detection/evaluate`) must agree with them to 1e-6, or the step fails.
    """

    summary: ClassVar[str] = "accuracy, precision, recall, F1, ROC AUC, average precision against true labels"
    dataset_fields: ClassVar[tuple[str, ...]] = ("source",)

    detector: str = Field(description="the detector's id")
    dataset: str = Field(description="the stored dataset's id")
    source: str = Field(
        description="the name in the profile's `datasets` that was uploaded: it has the labels"
    )
    timeout_s: float = Field(60.0, gt=0)

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        numbers = {name: Scalar("number", "1") for name in (*_QUALITY, "n_samples", "n_anomalies")}
        return Record({**numbers, "latency_ms": Scalar("number", "ms")})

    async def run(self, context: StepContext) -> Values:
        import asyncio

        from pynomaly_itest.measure import Labels

        table = await context.dataset(self.source)
        if table.labels is None:
            raise CannotMeasure(
                f"dataset {self.source!r} has no labels to evaluate against",
                hint="name its label column: label: NAME, or --dataset NAME=FILE:LABEL",
            )
        wanted = {"detector_id": self.detector, "dataset_id": self.dataset}
        reply = await context.api.send(
            "POST", "detection/detect", body=Body(json=wanted), timeout_s=self.timeout_s
        )
        result = read_detection(reply)
        check_asked(result, **wanted)
        if isinstance(result.get("id"), str):
            context.ledger.created("result", result["id"], f"detection/results/{result['id']}")
        ours = quality(table.labels, result["anomaly_labels"], result["anomaly_scores"])
        rows = Labels.of(table.labels, result["anomaly_labels"], result["anomaly_scores"])
        theirs = await context.api.call("POST", "detection/evaluate", body=Body(json=wanted))
        _agree(await asyncio.to_thread(_points, ours), theirs)
        return {
            **ours,
            "n_samples": result["n_samples"],
            "n_anomalies": result["n_anomalies"],
            "latency_ms": reply.latency_ms,
            "rows": rows,
        }


def quality(truth: Any, labels: Any, scores: Any) -> dict[str, Inference]:
    """The figures of merit, each with its interval.

    truth, labels: (n,) of 0 and 1; scores: (n,), higher is more anomalous.
    Raises StepFailed where there are more or fewer labels than true ones.
    """
    import numpy as np

    actual, found, score = np.asarray(truth, bool), np.asarray(labels, bool), np.asarray(scores, float)
    if actual.shape != found.shape:
        raise StepFailed(f"{len(actual)} rows were uploaded, {len(found)} were scored")
    hits, n = int((actual & found).sum()), len(actual)
    flagged, positives = int(found.sum()), int(actual.sum())
    fewest = min(positives, n - positives)
    return {
        "accuracy": _share(int((actual == found).sum()), n),
        "precision": _share(hits, flagged),
        "recall": _share(hits, positives),
        "f1": _of_enough(fewest, _resampled(_f1, actual, found)),
        "roc_auc": _of_enough(fewest, _area(actual, score)),
        "average_precision": _of_enough(fewest, _resampled(_average_precision, actual, score)),
    }


def _points(measured: Mapping[str, Inference]) -> dict[str, float]:
    """The figures themselves; their intervals are made on the way, off the event loop."""
    return {name: inference(0.95).value for name, inference in measured.items()}


def _share(hits: int, n: int) -> Inference:
    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import proportion

        return proportion(hits, n, confidence=confidence)

    return at


def _of_enough(fewest: int, inference: Inference) -> Inference:
    """The inference, without an interval where a class has too few rows for one: neither DeLong's variance nor a
    bootstrap sees how much another handful of anomalies would differ."""
    if fewest >= _FEWEST_OF_A_CLASS:
        return inference

    def at(confidence: float) -> Estimate:
        note = f"{fewest} rows of the rarer class, {_FEWEST_OF_A_CLASS} are needed for an interval"
        return replace(inference(confidence), low=None, high=None, note=note)

    return at


def _area(actual: Any, score: Any) -> Inference:
    """The chance that an anomaly scores higher than a normal row, ties counting half; DeLong's interval."""

    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import auc

        return auc(actual.astype(int), score, confidence=confidence)

    return at


def _resampled(metric: Callable[..., float], *columns: Any) -> Inference:
    """A metric with an interval by bootstrap over rows, drawn once for each confidence."""

    @functools.cache
    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import bootstrap_rows

        resamples = _MANY_RESAMPLES if len(columns[0]) <= _MANY_ROWS else _FEW_RESAMPLES
        return bootstrap_rows(metric, *columns, confidence=confidence, resamples=resamples)

    return at


def _f1(actual: Any, found: Any) -> float:
    """The harmonic mean of precision and recall; NaN where there is no anomaly, neither true nor found."""
    both = int(actual.sum()) + int(found.sum())
    return 2 * int((actual & found).sum()) / both if both else float("nan")


def _average_precision(actual: Any, score: Any) -> float:
    """The mean precision over the anomalies' ranks; rows of equal score enter together."""
    import numpy as np

    if not actual.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(actual[order])
    last_of_tie = np.append(np.diff(score[order]) != 0, True)
    precision = hits[last_of_tie] / (np.flatnonzero(last_of_tie) + 1)
    recall = hits[last_of_tie] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


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
