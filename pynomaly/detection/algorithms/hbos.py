"""HBOS (Goldstein, Dengel 2012): how rare the histogram bin of each value is, summed over the columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import LARGEST, Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue

_BEYOND = np.full(2, 10 * LARGEST)


def learn(training: Training) -> Learned:
    """Fit PyOD's HBOS and tabulate its histograms."""
    from pyod.models.hbos import HBOS

    detector = HBOS(
        n_bins=training.parameters["n_bins"],
        alpha=training.number("alpha"),
        tol=training.number("tol"),
        contamination=training.contamination,
    )
    detector.fit(training.X)
    training.report_progress(0.9)
    return Learned(_tabulate(detector, training.X.shape[1]))


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are histograms of n_features columns."""
    require_arrays(arrays, edges="f8/1", bins="f8/1", starts="i8/1", columns="f8/2")
    starts, edges = arrays["starts"], arrays["edges"]
    require(arrays["columns"].shape == (n_features, 6) and len(starts) == n_features + 1, "'columns'")
    require(starts[0] == 0 and starts[-1] == len(edges) and (np.diff(starts) >= 4).all(), "'starts'")
    require(len(arrays["bins"]) == len(edges), "bins and edges differ")
    for j in range(n_features):
        run = edges[starts[j] : starts[j + 1]]
        require((np.diff(run) >= 0).all() and (run[-2:] == _BEYOND).all(), "'edges' are not ascending")


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The sum of each value's bin score."""
    from pynomaly.detection.kernels.histogram import score_bins

    edges, bins, starts, columns = (arrays[name] for name in ("edges", "bins", "starts", "columns"))

    def score(rows: Floats, scores: Floats) -> bool:
        return score_bins(rows, edges, bins, starts, columns, scores)

    return score


def _tabulate(detector: Any, n_columns: int) -> Arrays:
    edges, bins, columns = [], [], []
    for j in range(n_columns):
        one_size = isinstance(detector.bin_edges_, np.ndarray)
        of_column = detector.bin_edges_[:, j] if one_size else detector.bin_edges_[j]
        density = detector.hist_[:, j] if one_size else detector.hist_[j]
        rarity = -np.log2(density + detector.alpha)
        edges.append(np.concatenate([of_column, _BEYOND]))
        # no edge below: the first bin; n + 1 edges below: the last
        bins.append(np.concatenate([rarity[:1], rarity, rarity[-1:], [0.0]]))
        widths = np.diff(of_column)
        per_unit = len(density) / (of_column[-1] - of_column[0])
        columns.append(
            [
                of_column[0],
                per_unit,
                widths[0] * detector.tol,
                of_column[-1],
                widths[-1] * detector.tol,
                rarity.max(),
            ]
        )
    return {
        "edges": np.concatenate(edges),
        "bins": np.concatenate(bins),
        "starts": np.cumsum([0, *map(len, edges)], dtype=np.int64),
        "columns": np.array(columns, dtype=np.float64),
    }


SPEC = AlgorithmSpec(
    name="hbos",
    platform_name="HBOS",
    title="Histogram-based outlier score",
    description="Rare values column by column. Very fast; blind to combinations of columns.",
    parameters=(
        Parameter(
            "n_bins",
            "integer",
            10,
            "Bins a column; 'auto' chooses for each (Birge, Rozenholc 2006)",
            minimum=3,
            maximum=1000,
            choices=("auto",),
        ),
        Parameter(
            "alpha", "number", 0.1, "Added to each density, against log(0)", minimum=1e-6, maximum=0.999
        ),
        Parameter(
            "tol",
            "number",
            0.5,
            "How many bins outside still count as the last",
            minimum=0.001,
            maximum=0.999,
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
