"""Remove things for good: first what is known of them, so that nobody finds them, then their content."""

from __future__ import annotations

from pynomaly.domain.datasets import Dataset
from pynomaly.domain.detectors import Detector
from pynomaly.domain.permissions import Permission
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform


def delete_dataset(platform: Platform, caller: Caller, dataset_id: str) -> None:
    """Remove a dataset and the results of detections on it; detectors trained on it stay."""
    dataset = platform.dataset(caller, dataset_id, Permission.DATA_DELETE)
    remove_dataset(platform, dataset)
    platform.record(caller, "dataset.deleted", f"dataset:{dataset.id}")


def delete_detector(platform: Platform, caller: Caller, detector_id: str) -> None:
    """Remove a detector, its model and its results."""
    detector = platform.detector(caller, detector_id, Permission.DETECTORS_DELETE)
    remove_detector(platform, detector)
    platform.record(caller, "detector.deleted", f"detector:{detector.id}")


def delete_result(platform: Platform, caller: Caller, result_id: str) -> None:
    """Remove one result."""
    result = platform.result(caller, result_id, Permission.RESULTS_DELETE)
    platform.results.delete(result.id)
    platform.scores.delete(result.id)
    platform.record(caller, "result.deleted", f"result:{result.id}")


def remove_dataset(platform: Platform, dataset: Dataset) -> None:
    """As delete_dataset, for a caller that was asked elsewhere."""
    platform.datasets.delete(dataset.id)
    for result_id in platform.results.delete_of(dataset_id=dataset.id):
        platform.scores.delete(result_id)
    platform.rows.delete(dataset.id)


def remove_detector(platform: Platform, detector: Detector) -> None:
    """As delete_detector, for a caller that was asked elsewhere."""
    platform.detectors.delete(detector.id)
    for result_id in platform.results.delete_of(detector_id=detector.id):
        platform.scores.delete(result_id)
    if detector.model is not None:
        platform.shelf.forget(detector.model.id)
        platform.models.delete(detector.model.id)
