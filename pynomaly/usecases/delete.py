"""Remove things for good, if one may."""

from __future__ import annotations

from pynomaly.domain.permissions import Permission
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform


def delete_dataset(platform: Platform, caller: Caller, dataset_id: str) -> None:
    """Remove a dataset and the results of detections on it; detectors trained on it stay."""
    dataset = platform.dataset(caller, dataset_id, Permission.DATA_DELETE)
    platform.remove_dataset(dataset)
    platform.record(caller, "dataset.deleted", f"dataset:{dataset.id}")


def delete_detector(platform: Platform, caller: Caller, detector_id: str) -> None:
    """Remove a detector, its model and its results."""
    detector = platform.detector(caller, detector_id, Permission.DETECTORS_DELETE)
    platform.remove_detector(detector)
    platform.record(caller, "detector.deleted", f"detector:{detector.id}")


def delete_result(platform: Platform, caller: Caller, result_id: str) -> None:
    """Remove one result."""
    result = platform.result(caller, result_id, Permission.RESULTS_DELETE)
    platform.remove_result(result)
    platform.record(caller, "result.deleted", f"result:{result.id}")
