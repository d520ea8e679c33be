"""A process that fits imports PyOD without what it doesn't need, and its models are those of any other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pynomaly.detection import parse_model, resolve
from pynomaly.detection.lean_fitting import look_up_bins

NAMES = (
    "isolation_forest",
    "local_outlier_factor",
    "ecod",
    "copod",
    "hbos",
    "knn",
    "pca",
    "auto",
    "cblof",
    "abod",
)
FIT_AND_STORE = """
import sys
from pathlib import Path
import numpy as np
from pynomaly.detection import dump_model, resolve
from pynomaly.detection.lean_fitting import import_fitting
import_fitting()
assert not {"numba", "matplotlib", "pytest"} & set(sys.modules)
folder, *names = sys.argv[1:]
X = np.load(f"{folder}/X.npy")
for name in names:
    model = resolve(name).fit(X, seed=1)
    Path(folder, name).write_bytes(dump_model(model))
assert not {"matplotlib", "pytest"} & set(sys.modules)
import matplotlib.pyplot, sklearn.utils.estimator_checks
assert callable(matplotlib.pyplot.plot) and callable(sklearn.utils.estimator_checks.check_estimator)
"""


def rows() -> np.ndarray:
    draw = np.random.default_rng(7)
    return np.vstack([draw.normal(size=(120, 3)), draw.integers(0, 3, size=(40, 3)).astype(float)])


def test_models_of_a_lean_process_score_as_others(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", rows())
    command = [sys.executable, "-W", "error", "-c", FIT_AND_STORE, str(tmp_path), *NAMES]
    subprocess.run(command, check=True)
    for name in NAMES:
        lean = parse_model((tmp_path / name).read_bytes())
        usual = resolve(name).fit(rows(), seed=1)
        assert lean.threshold == pytest.approx(usual.threshold, rel=1e-13), name
        assert (lean.score(rows()) == usual.score(rows())).all(), name


def test_bins_are_looked_up_as_in_pyod() -> None:
    from pyod.models.hbos import _calculate_outlier_scores as theirs

    for seed in range(20):
        draw = np.random.default_rng(seed)
        train, X = draw.normal(size=(50, 3)), draw.normal(scale=3.0, size=(200, 3))
        made = [np.histogram(train[:, column], bins=5, density=True) for column in range(3)]
        hist, edges = (np.stack(parts, axis=1) for parts in zip(*made, strict=True))
        X[:6] = edges  # exactly on an edge
        expected = theirs.py_func(X, edges, hist, 5, 0.1, 0.5)
        assert (look_up_bins(X, edges, hist, 5, 0.1, 0.5) == expected).all()
