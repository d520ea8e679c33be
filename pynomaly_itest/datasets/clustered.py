"""Several clouds of normal points, and anomalies in the space between and around them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.datasets.base import (
    Dataset,
    Features,
    Generated,
    feature_names,
    place_anomalies,
)
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import DATASETS

_BOX = 10.0
_ROUNDS = 200


@DATASETS.register("clustered")
class Clustered(Generated):
    """Centres are uniform in [-10, 10]^d; a normal row is c + spread * z, c a random centre, z ~ N(0, I).

    Anomalies are uniform in [-20, 20]^d, drawn again until farther than spread * (sqrt(d) + 4) from every
    centre: outside of what a cloud reaches. Global methods see them less well than local ones.
    """

    summary: ClassVar[str] = "several clouds of normal points, with anomalies between them"

    features: Features = 5
    clusters: int = Field(3, ge=1, le=1000)
    spread: float = Field(1.0, gt=0, le=5, description="standard deviation of each cloud")

    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        labels = place_anomalies(rng, self.rows, self.contamination)
        centres = rng.uniform(-_BOX, _BOX, (self.clusters, self.features))
        chosen = rng.integers(self.clusters, size=self.rows)
        X = centres[chosen] + self.spread * rng.standard_normal((self.rows, self.features))
        wanted = np.flatnonzero(labels)
        X[wanted] = self._outside(rng, centres, len(wanted), name)
        return Dataset(name, X, feature_names(self.features), self.known(labels))

    def _outside(self, rng: Any, centres: Any, count: int, name: str) -> Any:
        import numpy as np

        reach = self.spread * (self.features**0.5 + 4)
        found = np.empty((0, self.features))
        for _ in range(_ROUNDS):
            if len(found) >= count:
                return found[:count]
            drawn = rng.uniform(-2 * _BOX, 2 * _BOX, (max(count, 64), self.features))
            nearest = np.full(len(drawn), np.inf)
            for centre in centres:
                nearest = np.minimum(nearest, np.linalg.norm(drawn - centre, axis=1))
            found = np.concatenate([found, drawn[nearest > reach]])
        raise UsageError(
            f"dataset {name!r}: {self.clusters} clouds leave no room for anomalies",
            hint="fewer clusters, a smaller spread, or more features",
        )
