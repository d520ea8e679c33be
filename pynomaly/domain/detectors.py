"""A detector: an algorithm with its parameters, and the model its last training made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pynomaly.domain.permissions import SecurityLevel


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """One training's outcome; the model itself is a blob under `id`. Retraining makes a new one."""

    id: str
    version: int
    dataset_id: str
    trained_at: datetime
    training_time_s: float
    n_samples: int
    feature_names: tuple[str, ...]
    threshold: float
    level: SecurityLevel = SecurityLevel.INTERNAL
    """That of the data it learned from, which its scores may tell about."""


@dataclass(frozen=True, slots=True)
class Detector:
    """What is known of a detector; `model` is None until it was trained."""

    id: str
    owner_id: str
    tenant_id: str
    name: str
    description: str | None
    algorithm: str
    contamination: float
    parameters: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    model: TrainedModel | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> SecurityLevel:
        """Who may use it: that of its model; a detector without one tells nothing."""
        return SecurityLevel.PUBLIC if self.model is None else self.model.level
