"""Points as the kernels like them: stored by column, padded to whole vector registers."""

from __future__ import annotations

import numpy as np

from pynomaly.detection.model import Floats

LANES = 4


def by_column(points: Floats, lanes: int = LANES) -> Floats:
    """points (m, d) -> (d, m rounded up to `lanes`), zeros in the padding."""
    n_points, n_columns = points.shape
    whole = np.zeros((n_columns, -(-n_points // lanes) * lanes))
    whole[:, :n_points] = points.T
    return whole


def padded(vector: Floats, lanes: int = LANES) -> Floats:
    """vector (m,) -> (m rounded up to `lanes`,), zeros in the padding."""
    whole: Floats = by_column(vector[:, None], lanes)[0]
    return whole
