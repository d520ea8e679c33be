"""Real data that needs no download: scikit-learn's own sets, one class of them taken for the anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from pynomaly_itest.datasets.base import Dataset, DatasetConfig, Seed
from pynomaly_itest.registry import DATASETS

_ANOMALOUS = {"breast_cancer": 0, "wine": 2, "digits": 0, "iris": 2}


@DATASETS.register("scikit_learn")
class ScikitLearn(DatasetConfig):
    """A classification set turned into one of anomalies (Emmott et al. 2013): one class is thinned out and rare.

    Breast cancer: malignant; wine: the third cultivar; digits: the zeros; iris: virginica. All other rows are normal.
    """

    summary: ClassVar[str] = "scikit-learn's breast_cancer, wine, digits or iris; one class is the anomaly"

    set: Literal["breast_cancer", "wine", "digits", "iris"]
    contamination: float = Field(
        0.1, gt=0, le=0.5, description="the share of anomalies; the rest of them is left out"
    )
    seed: Seed = 42

    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        import numpy as np
        from sklearn import datasets

        loaded = getattr(datasets, f"load_{self.set}")()
        is_anomaly = loaded.target == _ANOMALOUS[self.set]
        normal, rare = np.flatnonzero(~is_anomaly), np.flatnonzero(is_anomaly)
        wanted = max(1, round(len(normal) * self.contamination / (1 - self.contamination)))
        draw = np.random.default_rng(self.seed)
        kept = np.concatenate([normal, draw.permutation(rare)[:wanted]])
        draw.shuffle(kept)
        names = tuple(str(column).replace(" ", "_") for column in loaded.feature_names)
        return Dataset(name, loaded.data[kept].astype(np.float64), names, is_anomaly[kept].astype(np.int64))
