"""Find the anomalies of a stored dataset, block by block; the same question again is answered from the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.audit import Detail
from pynomaly.domain.datasets import Dataset
from pynomaly.domain.detections import DetectionResult, ScoredRows, score_statistics
from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.errors import NotFitted, NotFound
from pynomaly.domain.operations import Operation, OperationKind
from pynomaly.domain.permissions import Permission
from pynomaly.security.foundation import Caller
from pynomaly.usecases.model_shelf import ServedModel
from pynomaly.usecases.operate import start_operation
from pynomaly.usecases.platform import Platform, new_id, principal_of
from pynomaly.workers.pool import Job
from pynomaly.workers.process import WorkerProcess

Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Detection:
    """A result with the scores and labels of its rows."""

    result: DetectionResult
    rows: ScoredRows


@dataclass(frozen=True, slots=True)
class Answer:
    """A detection as the caller's encoding made it, and whether it came out of the cache."""

    body: bytes
    is_cached: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that may be put: the caller may use both, and the detector is trained."""

    detector: Detector
    dataset: Dataset
    key: str


def may_detect(platform: Platform, caller: Caller, detector_id: str, dataset_id: str) -> Asked:
    """The question, with the key under which its answer is remembered."""
    detector = platform.detector(caller, detector_id, Permission.DETECTION_RUN)
    dataset = platform.dataset_to_read(caller, dataset_id, "detect")
    key = f"detect:{principal_of(caller).user_id}:{require_model(detector).id}:{dataset.id}"
    return Asked(detector, dataset, key)


def remembered(platform: Platform, asked: Asked) -> Answer | None:
    """The answer from the cache, if it is there."""
    cached = platform.cache.get(asked.key)
    if cached is None:
        return None
    result_id, _, body = cached.partition(b"\n")
    if platform.results.get(result_id.decode()) is None:  # it may have been deleted since
        return None
    return Answer(body, is_cached=True)


def detect(
    platform: Platform, caller: Caller, asked: Asked, encode: Callable[[Detection, bool], bytes]
) -> Answer:
    """Score the dataset and keep the result, unless somebody just did.

    `encode` makes the answer's body, the second time as a cached one.
    """
    known = remembered(platform, asked)  # while this stood in line, the same question may have been answered
    if known is not None:
        return known
    detection = run_detection(platform, caller, asked.detector, asked.dataset)
    platform.cache.put(asked.key, detection.result.id.encode() + b"\n" + encode(detection, True))
    return Answer(encode(detection, False), is_cached=False)


def start_batch_detection(
    platform: Platform, caller: Caller, detector_id: str, dataset_ids: Sequence[str]
) -> Operation:
    """Queue detection on several datasets, each of which may be larger than memory; runs in a worker process."""
    detector = platform.detector(caller, detector_id, Permission.DETECTION_RUN)
    datasets = [platform.dataset(caller, dataset_id, Permission.DATA_READ) for dataset_id in dataset_ids]
    model = require_model(detector)

    def work(process: WorkerProcess, job: Job) -> Mapping[str, Any]:
        process.load(platform.models.read(model.id).model)
        limit_s = platform.operation_time_limit_s
        n_total, n_done = max(1, sum(dataset.n_rows for dataset in datasets)), 0

        def score(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
            nonlocal n_done
            platform.present(caller)
            scores = process.score(matrix, time_limit_s=limit_s)
            n_done += len(matrix)
            job.report(n_done / n_total)
            return scores

        results = []
        for dataset_id in dataset_ids:
            now = platform.present(caller)
            still = platform.detector(now, detector.id, Permission.DETECTION_RUN)
            dataset = platform.dataset(now, dataset_id, Permission.DATA_READ)
            results.append(run_detection(platform, now, replace(still, model=model), dataset, score).result)
        return {"detector_id": detector.id, "results": [_brief(result) for result in results]}

    subject = {"detector_id": detector.id, "dataset_ids": list(dataset_ids)}
    level = max([model.level, *(dataset.level for dataset in datasets)])
    return start_operation(platform, caller, OperationKind.DETECT_BATCH, subject, work, level)


def run_detection(
    platform: Platform, caller: Caller, detector: Detector, dataset: Dataset, score: Score | None = None
) -> Detection:
    """Score all rows and keep the result, first its content, then what is known of it."""
    principal = principal_of(caller)
    started_s = time.perf_counter()
    in_service = serve(platform, detector)
    model = in_service.model
    parts = list(score_blocks(platform, in_service.served, dataset, score))
    rows = ScoredRows(
        np.concatenate([part.scores for part in parts]), np.concatenate([part.labels for part in parts])
    )
    result = DetectionResult(
        id=new_id("res"),
        owner_id=principal.user_id,
        tenant_id=principal.tenant_id,
        detector_id=detector.id,
        dataset_id=dataset.id,
        model_id=model.id,
        timestamp=platform.clock(),
        n_samples=len(rows.scores),
        n_anomalies=int(rows.labels.sum()),
        threshold=model.threshold,
        execution_time_ms=(time.perf_counter() - started_s) * 1e3,
        score_statistics=score_statistics(rows.scores),
        level=max(dataset.level, model.level),
    )
    platform.scores.write(result.id, parts)
    platform.results.add(result)
    _require_still_there(platform, caller, result)
    details: dict[str, Detail] = {"dataset": dataset.id, "n_anomalies": result.n_anomalies}
    platform.record(caller, "detection.run", f"detector:{detector.id}", details=details)
    return Detection(result, rows)


def _require_still_there(platform: Platform, caller: Caller, result: DetectionResult) -> None:
    """Take the result back where its owner, detector or dataset went while it was made."""
    platform.confirm(caller, lambda: platform.remove_result(result))
    is_there = (
        platform.detectors.get(result.detector_id) is not None
        and platform.datasets.get(result.dataset_id) is not None
    )
    if not is_there:
        platform.remove_result(result)
        raise NotFound("The detector or the dataset was deleted meanwhile.")


def score_blocks(
    platform: Platform, served: ServedModel, dataset: Dataset, score: Score | None = None
) -> Iterator[ScoredRows]:
    """Scores and labels of a dataset's blocks, by the served model or whatever else scores in its place."""
    score = score or served.model.score
    for block in platform.rows.read(dataset, served.preparation.names):
        scores = score(served.preparation.matrix(block))
        yield ScoredRows(scores, served.model.labels(scores))


def require_model(detector: Detector) -> TrainedModel:
    """The detector's model; raises NotFitted if it was never trained."""
    if detector.model is None:
        raise NotFitted("The detector was not trained yet.", hint="POST /api/v1/detection/train comes first.")
    return detector.model


@dataclass(frozen=True, slots=True)
class InService:
    """What is known of a model, and the model."""

    model: TrainedModel
    served: ServedModel


def serve(platform: Platform, detector: Detector) -> InService:
    """The detector's model in memory; if a new training replaced it this moment, the new one."""
    model = require_model(detector)
    try:
        return InService(model, platform.shelf.get(model.id))
    except NotFound:
        newer = platform.detectors.get(detector.id)
        if newer is None or newer.model is None or newer.model.id == model.id:
            raise
        return InService(newer.model, platform.shelf.get(newer.model.id))


def _brief(result: DetectionResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "dataset_id": result.dataset_id,
        "n_samples": result.n_samples,
        "n_anomalies": result.n_anomalies,
        "threshold": result.threshold,
    }
