"""Points as the kernels like them: stored by column, padded to whole vector registers."""

from __future__ import annotations

import numpy as np

from pynomaly.detection.model import Floats

LANES = 4


def by_column(points: Floats) -> Floats:
    """points (m, d) -> (d, m rounded up to LANES), zeros in the padding."""
    n_points, n_columns = points.shape
    padded = np.zeros((n_columns, -(-n_points // LANES) * LANES))
    padded[:, :n_points] = points.T
    return padded


def padded(vector: Floats) -> Floats:
    """vector (m,) -> (m rounded up to LANES,), zeros in the padding."""
    return by_column(vector[:, None])[0]
