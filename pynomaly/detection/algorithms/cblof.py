"""CBLOF (He, Xu, Deng 2003): distance to the nearest large cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.lanes import by_column
from pynomaly.detection.layout import require, require_arrays, require_within
from pynomaly.detection.model import Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue
from pynomaly.domain.errors import InvalidParameter


def learn(training: Training) -> Learned:
    """Fit PyOD's CBLOF and keep its centers.

    Where clusters of about one size leave PyOD without a boundary between large and small (it gives up then), all
    are large, as in the paper, whose largest clusters always reach the share alpha.
    """
    from pyod.models.cblof import CBLOF

    detector = CBLOF(
        n_clusters=_n_clusters(training),
        alpha=training.number("alpha"),
        beta=training.number("beta"),
        use_weights=bool(training.parameters["use_weights"]),
        contamination=training.contamination,
        random_state=training.seed,
    )
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            detector.fit(training.X)
    except ValueError as error:
        if "valid cluster separation" not in str(error):
            raise
        arrays = _arrays(detector, np.argsort(-detector.cluster_sizes_), len(detector.cluster_sizes_))
    else:
        large, small = detector.large_cluster_labels_, detector.small_cluster_labels_
        arrays = _arrays(detector, np.concatenate([large, small]), len(large))
    return Learned(arrays, {"n_clusters": detector.n_clusters})


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are clusters over n_features columns."""
    require_arrays(arrays, centers="f8/2", weights="f8/1", n_large="i8/1")
    centers = arrays["centers"]
    require(centers.shape[1] == n_features and len(arrays["weights"]) == len(centers) > 0, "'centers'")
    require(arrays["n_large"].shape == (1,), "'n_large'")
    require_within(arrays["n_large"], 1, len(centers) + 1, "n_large")


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The distance to the nearest large cluster's center."""
    from pynomaly.detection.kernels.linear import score_clusters

    centers, n_large, weights = by_column(arrays["centers"]), int(arrays["n_large"][0]), arrays["weights"]

    def score(rows: Floats, scores: Floats) -> bool:
        return score_clusters(rows, centers, n_large, weights, scores)

    return score


def _n_clusters(training: Training) -> int:
    wanted, most = training.integer("n_clusters"), len(training.X)
    if wanted > most and "n_clusters" in training.asked:
        raise InvalidParameter(
            f"n_clusters: {wanted} clusters asked for, but there are {most} training rows",
            hint=f"n_clusters is at most {most} here",
        )
    return min(wanted, most)


def _arrays(detector: Any, order: Any, n_large: int) -> Arrays:
    sizes = detector.cluster_sizes_[order].astype(np.float64)
    return {
        "centers": detector.cluster_centers_[order],
        "weights": sizes if detector.use_weights else np.ones(len(order)),
        "n_large": np.array([n_large], dtype=np.int64),
    }


SPEC = AlgorithmSpec(
    name="cblof",
    platform_name="CBLOF",
    title="Cluster-based local outlier factor",
    description="Rows far from every large cluster. Fast; needs a fitting number of clusters.",
    parameters=(
        Parameter("n_clusters", "integer", 8, "How many clusters k-means makes", minimum=1, maximum=1000),
        Parameter(
            "alpha", "number", 0.9, "Share of the rows that large clusters hold", minimum=0.5, maximum=0.999
        ),
        Parameter(
            "beta",
            "number",
            5.0,
            "Size ratio between a large and a small cluster",
            minimum=1.001,
            maximum=1000,
        ),
        Parameter(
            "use_weights", "boolean", False, "Multiply by the size of the row's cluster, as in the paper"
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
