"""Entities as the API shows them: the allow-list of what leaves the house."""

from __future__ import annotations

from pynomaly.api import schemas
from pynomaly.detection import resolve
from pynomaly.domain.datasets import ColumnKind, Dataset
from pynomaly.domain.detections import DetectionResult, Evaluation, ScoredRows
from pynomaly.domain.detectors import Detector
from pynomaly.domain.operations import Operation
from pynomaly.usecases.inspect_dataset import Quality

MAX_INLINE_SCORES = 1_000_000


def dataset_view(dataset: Dataset) -> schemas.Dataset:
    """A dataset."""
    features = dataset.features
    n_numeric = sum(column.kind is ColumnKind.NUMERIC for column in features)
    return schemas.Dataset(
        id=dataset.id,
        name=dataset.name,
        description=dataset.description,
        shape=(dataset.n_rows, len(dataset.columns)),
        n_samples=dataset.n_rows,
        n_features=len(features),
        feature_names=[column.name for column in features],
        has_target=dataset.target_column is not None,
        target_column=dataset.target_column,
        numeric_features=n_numeric,
        categorical_features=len(features) - n_numeric,
        memory_usage_mb=dataset.size_bytes / 2**20,
        security_level=dataset.level.name,
        created_at=dataset.created_at,
        metadata=dict(dataset.metadata),
    )


def quality_view(dataset_id: str, quality: Quality) -> schemas.DatasetQuality:
    """How good a dataset is."""
    return schemas.DatasetQuality(
        dataset_id=dataset_id,
        n_samples=quality.n_rows,
        n_missing=quality.n_missing,
        n_duplicate_rows=quality.n_duplicate_rows,
        quality_score=quality.score,
        columns=[
            schemas.ColumnQuality(
                name=column.name,
                kind=column.kind.value,
                n_missing=column.n_missing,
                n_infinite=column.n_infinite,
                is_constant=column.is_constant,
                minimum=column.minimum,
                maximum=column.maximum,
                mean=column.mean,
                std=column.std,
                n_categories=column.n_categories,
            )
            for column in quality.columns
        ],
    )


def detector_view(detector: Detector) -> schemas.Detector:
    """A detector."""
    model = detector.model
    return schemas.Detector(
        id=detector.id,
        name=detector.name,
        description=detector.description,
        algorithm_name=resolve(detector.algorithm).platform_name,
        algorithm=detector.algorithm,
        contamination_rate=detector.contamination,
        is_fitted=model is not None,
        created_at=detector.created_at,
        updated_at=detector.updated_at,
        trained_at=None if model is None else model.trained_at,
        model_version=0 if model is None else model.version,
        n_features=None if model is None else len(model.feature_names),
        feature_names=None if model is None else list(model.feature_names),
        threshold=None if model is None else model.threshold,
        parameters=dict(detector.parameters),
        metadata=dict(detector.metadata),
    )


def result_view(
    result: DetectionResult, rows: ScoredRows | None, *, is_cached: bool = False
) -> schemas.Detection:
    """A stored detection, with its scores and labels unless there are too many."""
    is_inline = rows is not None and len(rows.scores) <= MAX_INLINE_SCORES
    return schemas.Detection(
        id=result.id,
        detector_id=result.detector_id,
        dataset_id=result.dataset_id,
        model_version=None,
        timestamp=result.timestamp,
        n_samples=result.n_samples,
        n_anomalies=result.n_anomalies,
        anomaly_rate=result.n_anomalies / max(1, result.n_samples),
        threshold=result.threshold,
        execution_time_ms=result.execution_time_ms,
        score_statistics=dict(result.score_statistics),
        anomaly_scores=rows.scores.tolist() if rows is not None and is_inline else None,
        anomaly_labels=rows.labels.tolist() if rows is not None and is_inline else None,
        cached=is_cached,
    )


def evaluation_view(detector_id: str, dataset_id: str, evaluation: Evaluation) -> schemas.Evaluation:
    """An evaluation."""
    return schemas.Evaluation(
        detector_id=detector_id,
        dataset_id=dataset_id,
        n_samples=evaluation.n_samples,
        accuracy=evaluation.accuracy,
        precision=evaluation.precision,
        recall=evaluation.recall,
        f1=evaluation.f1,
        roc_auc=evaluation.roc_auc,
        average_precision=evaluation.average_precision,
        true_positives=evaluation.true_positives,
        false_positives=evaluation.false_positives,
        true_negatives=evaluation.true_negatives,
        false_negatives=evaluation.false_negatives,
    )


def operation_view(operation: Operation) -> schemas.Operation:
    """An operation."""
    return schemas.Operation(
        id=operation.id,
        kind=operation.kind.value,
        status=operation.state.value,
        progress=operation.progress,
        created_at=operation.created_at,
        started_at=operation.started_at,
        finished_at=operation.finished_at,
        subject=dict(operation.subject),
        result=None if operation.result is None else dict(operation.result),
        error=None if operation.error is None else dict(operation.error),
    )
