"""Where everything is kept, and how things that belong together go together."""

from __future__ import annotations

from dataclasses import dataclass

from pynomaly.domain.datasets import Dataset
from pynomaly.domain.detections import DetectionResult
from pynomaly.domain.detectors import Detector
from pynomaly.domain.ports import (
    DatasetRepository,
    DatasetRows,
    ModelStore,
    OperationRepository,
    ResultRepository,
    ScoreStore,
)
from pynomaly.storage.detectors_cached import RememberedDetectors
from pynomaly.usecases.model_shelf import ModelShelf


@dataclass(frozen=True, slots=True)
class Stores:
    """The repositories, and the contents that go with what they know."""

    datasets: DatasetRepository
    rows: DatasetRows
    detectors: RememberedDetectors
    models: ModelStore
    shelf: ModelShelf
    results: ResultRepository
    scores: ScoreStore
    operations: OperationRepository

    def remove_dataset(self, dataset: Dataset) -> None:
        """A dataset and the results of detections on it; first what is known of them, so that nobody finds them."""
        self.datasets.delete(dataset.id)
        for result_id in self.results.delete_of(dataset_id=dataset.id):
            self.scores.delete(result_id)
        self.rows.delete(dataset.id)

    def remove_detector(self, detector: Detector) -> None:
        """A detector, its model and its results."""
        deleted = self.detectors.delete(detector.id)
        for result_id in self.results.delete_of(detector_id=detector.id):
            self.scores.delete(result_id)
        known = {detector.model.id} if detector.model is not None else set()
        served = {deleted.model_id} if deleted is not None and deleted.model_id is not None else set()
        for model_id in known | served:  # a training may have ended since `detector` was looked at
            self.models.delete(model_id)
            self.shelf.forget(model_id)

    def remove_result(self, result: DetectionResult) -> None:
        """One result."""
        self.results.delete(result.id)
        self.scores.delete(result.id)
