"""Detectors as the hot path needs them: remembered from the last look, forgotten at any change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cachetools import LRUCache

from pynomaly.domain.detectors import Detector, TrainedModel
from pynomaly.domain.ports import DeletedDetector, Listing, Page, ReplacedModel, Scope

if TYPE_CHECKING:
    from pynomaly.domain.ports import DetectorRepository


class RememberedDetectors:
    """DetectorRepository in front of another one. Right as long as all changes go through it: one server per store."""

    def __init__(self, kept: DetectorRepository, max_remembered: int = 10_000) -> None:
        self._kept = kept
        self._remembered: LRUCache[str, Detector] = LRUCache(max_remembered)
        self._lock = threading.Lock()
        self._generation = 0

    def remembered(self, detector_id: str) -> Detector | None:
        """The detector if it is remembered, without asking the store."""
        with self._lock:
            return self._remembered.get(detector_id)

    def get(self, detector_id: str) -> Detector | None:
        """The detector, or None."""
        with self._lock:
            found = self._remembered.get(detector_id)
            generation = self._generation
        if found is not None:
            return found
        found = self._kept.get(detector_id)
        with self._lock:
            if found is not None and generation == self._generation:  # nothing changed while we read
                self._remembered[detector_id] = found
        return found

    def add(self, detector: Detector) -> None:
        """Keep a new detector."""
        self._kept.add(detector)

    def list(self, scope: Scope, page: Page) -> Listing[Detector]:
        """One page of the scope's detectors, newest first."""
        return self._kept.list(scope, page)

    def of_owner(self, owner_id: str) -> Sequence[Detector]:
        """All detectors of one owner."""
        return self._kept.of_owner(owner_id)

    def update(self, detector: Detector) -> bool:
        """Store what may be edited; whether the detector is still there."""
        is_there = self._kept.update(detector)
        self._forget(detector.id)
        return is_there

    def set_model(self, detector_id: str, model: TrainedModel) -> ReplacedModel | None:
        """Serve this model from now on; None where the detector is gone."""
        replaced = self._kept.set_model(detector_id, model)
        self._forget(detector_id)
        return replaced

    def delete(self, detector_id: str) -> DeletedDetector | None:
        """Forget the detector; None where it was not there."""
        was_there = self._kept.delete(detector_id)
        self._forget(detector_id)
        return was_there

    def every_model_id(self) -> set[str]:
        """Ids of all models that are being served."""
        return self._kept.every_model_id()

    def _forget(self, detector_id: str) -> None:
        with self._lock:
            self._generation += 1
            self._remembered.pop(detector_id, None)
