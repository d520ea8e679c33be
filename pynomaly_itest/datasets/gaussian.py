"""One cloud of normal points, and anomalies at a fixed distance around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from pynomaly_itest.datasets.base import (
    Dataset,
    Features,
    Generated,
    feature_names,
    place_anomalies,
)
from pynomaly_itest.registry import DATASETS


@DATASETS.register("gaussian")
class Gaussian(Generated):
    """Normal rows are x = z with z ~ N(0, I). Anomalies are x = z + distance * u, u uniform on the unit sphere.

    With the default distance an anomaly of few features lies outside of all normal rows.
    """

    summary: ClassVar[str] = "one cloud of normal points, with anomalies around it"

    features: Features = 5
    distance: float = Field(
        8.0, gt=0, le=1e6, description="of anomalies from the middle, in standard deviations"
    )

    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        labels = place_anomalies(rng, self.rows, self.contamination)
        X = rng.standard_normal((self.rows, self.features))
        direction = rng.standard_normal((self.rows, self.features))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        X += self.distance * direction * labels[:, None]
        return Dataset(name, X, feature_names(self.features), self.known(labels))
