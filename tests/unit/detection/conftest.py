"""Rows to train on and to ask about, and one fitted model an algorithm, for all tests of detection."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from pynomaly.detection import FrozenModel, algorithms
from pynomaly.detection.model import Floats

NAMES = [spec.name for spec in algorithms()]


@pytest.fixture(scope="session")
def training_rows() -> Floats:
    """(400, 6): correlated, skewed, rounded to ties, and some duplicates."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6))
    X[:, 2] = np.exp(X[:, 2] / 3)
    X[:, 4] = np.round(X[:, 4])
    X[390:] = X[:10]
    return X


@pytest.fixture(scope="session")
def queries(training_rows: Floats) -> Floats:
    """(150, 6): near, far off, and equal to training rows."""
    rng = np.random.default_rng(8)
    near = training_rows[rng.integers(0, 400, 100)] + rng.normal(size=(100, 6)) / 4
    far = rng.normal(size=(30, 6)) * 50
    return np.concatenate([near, far, training_rows[:20]])


@pytest.fixture(scope="session")
def models(training_rows: Floats) -> Mapping[str, FrozenModel]:
    """Every algorithm fitted on the training rows with its default parameters."""
    return {spec.name: spec.fit(training_rows, seed=3) for spec in algorithms()}
