"""Numbers and categories side by side, with the blemishes of real tables if they are asked for."""

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

_RARE = "rare"


@DATASETS.register("mixed")
class Mixed(Generated):
    """Numeric columns as in `gaussian`; each text column holds level_1 … with chances falling as 1, 1/2, 1/3, …

    Anomalies have the text `rare` in every text column. `missing_ratio` of the numbers are left out (NaN), and
    the last `constant_columns` of the numeric columns hold nothing but 1.
    """

    summary: ClassVar[str] = "numeric and text columns, with missing values and constant columns if asked for"

    features: Features = Field(4, description="how many numeric columns")
    text_columns: int = Field(2, ge=0, le=100)
    levels: int = Field(4, ge=1, le=1000, description="how many different texts a column has")
    missing_ratio: float = Field(0.0, ge=0, le=0.9)
    constant_columns: int = Field(0, ge=0, le=100)
    distance: float = Field(8.0, gt=0, le=1e6, description="of anomalies from the middle")

    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        labels = place_anomalies(rng, self.rows, self.contamination)
        numbers = rng.standard_normal((self.rows, self.features))
        direction = rng.standard_normal((self.rows, self.features))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        numbers += self.distance * direction * labels[:, None]
        constant = min(self.constant_columns, self.features)
        if constant:
            numbers[:, -constant:] = 1.0
        numbers[rng.random(numbers.shape) < self.missing_ratio] = np.nan
        chances = 1.0 / np.arange(1, self.levels + 1)
        names = np.array([f"level_{number}" for number in range(1, self.levels + 1)], dtype=object)
        texts: dict[str, list[str]] = {}
        codes = []
        for column in feature_names(self.text_columns, "category"):
            drawn = rng.choice(names, size=self.rows, p=chances / chances.sum())
            drawn[labels == 1] = _RARE
            texts[column] = [str(text) for text in drawn]
            codes.append(np.unique(drawn.astype(str), return_inverse=True)[1].astype(np.float64))
        X = np.column_stack([numbers, *codes])
        return Dataset(name, X, (*feature_names(self.features), *texts), self.known(labels), texts)
