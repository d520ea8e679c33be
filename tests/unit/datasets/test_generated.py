"""Generated datasets: the same from the same seed, and as their formulas say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.materialize import materialize
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import DATASETS

GENERATED = ("gaussian", "clustered", "time_series", "mixed")


@dataclass(frozen=True)
class Spec:
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    name: str = "tried"
    base: str = "."


def made(kind: str, **config: Any) -> Dataset:
    return materialize(Spec(kind, config))


def test_the_kinds_are_found() -> None:
    assert set(DATASETS) >= {*GENERATED, "file"}
    assert all(kind.summary for _, kind in DATASETS.items())


@pytest.mark.parametrize("kind", GENERATED)
def test_the_seed_decides_all(kind: str) -> None:
    first, again, other = (made(kind, rows=200, contamination=0.1, seed=seed) for seed in (1, 1, 2))
    assert first.content_hash == again.content_hash
    assert first.content_hash != other.content_hash
    assert np.array_equal(first.X, again.X)


@pytest.mark.parametrize("kind", GENERATED)
def test_shape_types_and_labels(kind: str) -> None:
    dataset = made(kind, rows=300, features=4, contamination=0.1)
    width = 6 if kind == "mixed" else 4
    assert dataset.X.shape == (300, width)
    assert dataset.X.dtype == np.float64
    assert len(dataset.feature_names) == width
    assert dataset.labels is not None
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.sum() == 30
    assert set(np.unique(dataset.labels)) == {0, 1}


@pytest.mark.parametrize("kind", GENERATED)
def test_without_contamination_there_are_no_labels(kind: str) -> None:
    assert made(kind, rows=50, contamination=0).labels is None


def test_a_little_contamination_is_at_least_one_anomaly() -> None:
    labels = made("gaussian", rows=10, contamination=0.001).labels
    assert labels is not None
    assert labels.sum() == 1


def test_gaussian_anomalies_lie_outside() -> None:
    dataset = made("gaussian", rows=2000, features=3, contamination=0.05)
    distance = np.linalg.norm(dataset.X, axis=1)
    assert distance[dataset.labels == 1].min() > 4
    normal = dataset.X[dataset.labels == 0]
    assert np.abs(normal.mean(axis=0)).max() < 0.1
    assert np.abs(normal.std(axis=0) - 1).max() < 0.1


def test_clustered_anomalies_keep_away_from_every_cloud() -> None:
    dataset = made("clustered", rows=1000, features=2, clusters=3, contamination=0.05, spread=0.5)
    normal, anomalous = dataset.X[dataset.labels == 0], dataset.X[dataset.labels == 1]
    nearest = [np.linalg.norm(normal - point, axis=1).min() for point in anomalous]
    assert min(nearest) > 0.5


def test_clouds_that_leave_no_room_are_refused() -> None:
    with pytest.raises(UsageError, match="leave no room"):
        made("clustered", features=1, spread=5.0, contamination=0.2)


def test_time_series_is_a_wave_with_spikes() -> None:
    dataset = made("time_series", rows=1000, features=1, noise=0.0, trend=0.0, contamination=0.02)
    wave = np.sin(2 * np.pi * np.arange(1000) / 100)
    normal = dataset.labels == 0
    assert np.allclose(dataset.X[normal, 0], wave[normal])
    assert np.allclose(np.abs(dataset.X[~normal, 0] - wave[~normal]), 4.0)


def test_mixed_has_texts_gaps_and_constants() -> None:
    dataset = made("mixed", rows=500, features=3, missing_ratio=0.1, constant_columns=1, contamination=0.1)
    assert list(dataset.texts) == ["category_1", "category_2"]
    assert set(np.asarray(dataset.texts["category_1"])[dataset.labels == 1]) == {"rare"}
    assert "rare" not in set(np.asarray(dataset.texts["category_1"])[dataset.labels == 0])
    assert 0.05 < np.isnan(dataset.X[:, :3]).mean() < 0.15
    assert set(np.unique(dataset.X[:, 2][~np.isnan(dataset.X[:, 2])])) == {1.0}
    codes = dataset.X[:, dataset.feature_names.index("category_1")]
    assert np.array_equal(
        np.unique(np.asarray(dataset.texts["category_1"]))[codes.astype(int)], dataset.texts["category_1"]
    )


@pytest.mark.parametrize(
    "config",
    [
        {"rows": 0},
        {"features": 0},
        {"contamination": 0.6},
        {"seed": -1},
        {"rows": "5"},
        {"nobody": 1},
        {"rows": 10_000_000, "features": 21},
    ],
)
def test_configs_are_strict(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        made("gaussian", **config)


def test_a_table_too_large_for_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from pynomaly_itest.datasets.gaussian import Gaussian

    class Huge(Gaussian):
        def build(self, name: str, folders: Any) -> Dataset:
            raise MemoryError

    assert "gaussian" in DATASETS
    monkeypatch.setitem(DATASETS._kinds, "huge", Huge)
    with pytest.raises(UsageError, match="too large"):
        materialize(Spec("huge"), [Path()])
