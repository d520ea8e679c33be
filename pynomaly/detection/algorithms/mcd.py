"""MCD (Rousseeuw, Van Driessen 1999): Mahalanobis distance by a covariance that outliers don't sway."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.lanes import by_column
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue


def learn(training: Training) -> Learned:
    """Fit PyOD's MCD and keep its location and precision matrix."""
    from pyod.models.mcd import MCD

    fraction = training.parameters["support_fraction"]
    detector = MCD(
        contamination=training.contamination,
        assume_centered=bool(training.parameters["assume_centered"]),
        support_fraction=None if isinstance(fraction, str) else float(fraction),
        random_state=training.seed,
    )
    detector.fit(training.X)
    training.report_progress(0.9)
    arrays = {"location": detector.location_, "precision": detector.detector_.get_precision()}
    return Learned(arrays)


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are a distribution over n_features columns."""
    require_arrays(arrays, location="f8/1", precision="f8/2")
    require(arrays["location"].shape == (n_features,), "'location'")
    require(arrays["precision"].shape == (n_features, n_features), "'precision'")


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The squared Mahalanobis distance."""
    from pynomaly.detection.kernels.linear import score_mahalanobis

    location, precision = arrays["location"], arrays["precision"]
    columns = by_column(precision)
    ones = np.ones(len(location))

    def score(rows: Floats, scores: Floats) -> bool:
        return score_mahalanobis(rows, location, ones, precision, columns, scores)

    return score


SPEC = AlgorithmSpec(
    name="mcd",
    platform_name="MCD",
    title="Minimum covariance determinant",
    description="Distance from the bulk of roughly elliptical data, robust against the anomalies in it.",
    aliases=("MinCovDet", "EllipticEnvelope"),
    parameters=(
        Parameter(
            "support_fraction",
            "number",
            "auto",
            "Share of the rows the estimate rests on",
            minimum=0.5,
            maximum=1.0,
            choices=("auto",),
        ),
        Parameter("assume_centered", "boolean", False, "Take the data to be centred on 0"),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
