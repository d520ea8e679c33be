"""Train a detector on a stored dataset: an operation, whose end is a new model in service."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.datasets import Block, Dataset, concatenate
from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.errors import NotFound, TooLarge
from pynomaly.domain.operations import Operation, OperationKind
from pynomaly.domain.permissions import Permission
from pynomaly.domain.ports import StoredModel
from pynomaly.domain.preparation import Preparation, learn_preparation
from pynomaly.security.foundation import Caller
from pynomaly.usecases.operate import start_operation
from pynomaly.usecases.platform import Platform, new_id
from pynomaly.workers.messages import Fit
from pynomaly.workers.pool import Job
from pynomaly.workers.process import FittedModel, WorkerProcess


def start_training(
    platform: Platform, caller: Caller, detector_id: str, dataset_id: str, *, seed: int
) -> Operation:
    """Queue the training; the target column is not looked at."""
    detector = platform.detector(caller, detector_id, Permission.DETECTORS_WRITE)
    dataset = platform.dataset(caller, dataset_id, Permission.DATA_READ)
    n_cells = dataset.n_rows * len(dataset.features)
    if n_cells > platform.limits.max_cells:
        raise TooLarge(
            f"Training on {n_cells} cells is over the limit of {platform.limits.max_cells}.",
            hint="Split the dataset and train on a part of it.",
        )

    def work(process: WorkerProcess, job: Job) -> Mapping[str, Any]:
        return _train(platform, caller, detector_id, dataset, seed, process, job)

    subject = {"detector_id": detector.id, "dataset_id": dataset.id}
    operation = start_operation(
        platform, caller, OperationKind.TRAIN, subject, work, max(dataset.level, detector.level)
    )
    platform.record(caller, "detector.training", f"detector:{detector.id}", details={"dataset": dataset.id})
    return operation


def _train(
    platform: Platform,
    caller: Caller,
    detector_id: str,
    dataset: Dataset,
    seed: int,
    process: WorkerProcess,
    job: Job,
) -> Mapping[str, Any]:
    started_s = time.perf_counter()
    caller = platform.present(caller)
    detector = platform.detector(caller, detector_id, Permission.DETECTORS_WRITE)
    platform.dataset(caller, dataset.id, Permission.DATA_READ)
    blocks = list(platform.rows.read(dataset, [column.name for column in dataset.features]))
    preparation = learn_preparation(dataset.features, blocks)
    matrix = _stacked(preparation, blocks)
    blocks.clear()
    job.report(0.05)
    fitted = process.fit(
        Fit(detector.algorithm, detector.contamination, dict(detector.parameters), seed, matrix.shape),
        matrix,
        time_limit_s=platform.operation_time_limit_s,
        on_progress=lambda fraction: job.report(0.05 + 0.9 * fraction),
    )
    caller = platform.present(caller)
    platform.detector(caller, detector_id, Permission.DETECTORS_WRITE)
    model_id = new_id("mdl")
    platform.models.write(model_id, StoredModel(preparation, fitted.model))
    model = TrainedModel(
        id=model_id,
        version=0,  # numbered when it takes the place of the one before
        dataset_id=dataset.id,
        trained_at=platform.clock(),
        training_time_s=time.perf_counter() - started_s,
        n_samples=dataset.n_rows,
        feature_names=preparation.names,
        threshold=fitted.threshold,
        level=dataset.level,
    )
    model = _put_in_service(platform, detector_id, model)
    platform.record(caller, "detector.trained", f"detector:{detector_id}", details={"model": model_id})
    return _summary(detector, model, fitted)


def _stacked(preparation: Preparation, blocks: Sequence[Block]) -> NDArray[np.float64]:
    return concatenate((preparation.matrix(block) for block in blocks), len(preparation.features))


def _put_in_service(platform: Platform, detector_id: str, model: TrainedModel) -> TrainedModel:
    """Serve the model, numbered after the one whose place it takes, whose content is removed."""
    replaced = platform.detectors.set_model(detector_id, model)
    if replaced is None:
        platform.models.delete(model.id)
        raise NotFound("The detector was deleted during its training.")
    if replaced.last_id is not None:
        platform.shelf.forget(replaced.last_id)
        platform.models.delete(replaced.last_id)
    return replace(model, version=replaced.version)


def _summary(detector: Detector, model: TrainedModel, fitted: FittedModel) -> dict[str, Any]:
    return {
        "detector_id": detector.id,
        "dataset_id": model.dataset_id,
        "algorithm_name": detector.algorithm,
        "model_version": model.version,
        "n_samples": model.n_samples,
        "n_features": len(model.feature_names),
        "threshold": model.threshold,
        "training_time_seconds": model.training_time_s,
        "fit_time_seconds": fitted.fit_time_s,
    }
