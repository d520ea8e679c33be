"""Waves with noise, and spikes as anomalies; the order of the rows is time."""

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


@DATASETS.register("time_series")
class TimeSeries(Generated):
    """x_k(t) = trend * t / rows + amplitude * sin(2 pi t / period + 2 pi k / features) + noise * z, z ~ N(0, 1).

    An anomaly adds spike * amplitude to every column, upwards or downwards with equal chance: more than the
    wave itself ever reaches.
    """

    summary: ClassVar[str] = "waves with noise, with spikes as anomalies; rows in the order of time"

    features: Features = 3
    period: float = Field(100.0, gt=0, description="of the wave, in rows")
    amplitude: float = Field(1.0, gt=0, le=1e9)
    noise: float = Field(0.1, ge=0, le=1e9, description="standard deviation")
    trend: float = Field(0.0, ge=-1e9, le=1e9, description="rise from the first row to the last")
    spike: float = Field(4.0, gt=0, le=1e6, description="height of an anomaly, in amplitudes")

    def build(self, name: str, folders: Sequence[Path]) -> Dataset:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        labels = place_anomalies(rng, self.rows, self.contamination)
        time = np.arange(self.rows, dtype=np.float64)[:, None]
        phase = 2 * np.pi * np.arange(self.features) / self.features
        X = self.trend * time / self.rows + self.amplitude * np.sin(2 * np.pi * time / self.period + phase)
        X += self.noise * rng.standard_normal((self.rows, self.features))
        direction = rng.choice((-1.0, 1.0), size=self.rows)
        X += (self.spike * self.amplitude * direction * labels)[:, None]
        return Dataset(name, X, feature_names(self.features, "value"), self.known(labels))
