"""One-class SVM (Schölkopf et al. 2001): a boundary around most of the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.lanes import by_column, padded
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import LARGEST, Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue

KERNELS = ("rbf", "linear", "poly", "sigmoid")
MAX_DEGREE = 10
_CACHE_MB = 16  # libsvm's default of 200 is filled by 5,000 rows and gains nothing


def learn(training: Training) -> Learned:
    """Fit PyOD's OCSVM and keep its support vectors."""
    from pyod.models.ocsvm import OCSVM

    gamma = training.parameters["gamma"]
    detector = OCSVM(
        kernel=str(training.parameters["kernel"]),
        nu=training.number("nu"),
        gamma=gamma if isinstance(gamma, str) else float(gamma),
        degree=training.integer("degree"),
        coef0=training.number("coef0"),
        cache_size=_CACHE_MB,
        contamination=training.contamination,
    )
    detector.fit(training.X)
    training.report_progress(0.9)
    return Learned(_arrays(detector.detector_))


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are support vectors of n_features columns with their weights."""
    require_arrays(arrays, vectors="f8/2", weights="f8/1", shape="f8/1", kind="i8/1")
    vectors = arrays["vectors"]
    require(vectors.shape[1] == n_features and len(vectors) == len(arrays["weights"]), "'vectors'")
    require((np.abs(vectors) <= LARGEST).all(), "'vectors' are too large")
    require(arrays["shape"].shape == (3,) and arrays["kind"].shape == (2,), "'shape' and 'kind'")
    require(arrays["kind"][0] in range(len(KERNELS)) and arrays["kind"][1] in range(MAX_DEGREE + 1), "'kind'")


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The distance beyond the boundary."""
    kind, degree = (int(value) for value in arrays["kind"])
    gamma, coef0, intercept = (float(value) for value in arrays["shape"])
    if KERNELS[kind] == "linear":
        return _linear_scorer(arrays, -intercept)
    from pynomaly.detection.kernels import svm

    which = {"rbf": svm.RBF, "poly": svm.POLY, "sigmoid": svm.SIGMOID}[KERNELS[kind]]
    vectors, weights = by_column(arrays["vectors"], svm.BLOCK), padded(arrays["weights"], svm.BLOCK)

    def score(rows: Floats, scores: Floats) -> bool:
        return svm.score_svm(rows, vectors, weights, which, gamma, coef0, degree, -intercept, scores)

    return score


def _linear_scorer(arrays: Arrays, offset: float) -> Scorer:
    from pynomaly.detection.kernels.linear import score_hyperplane

    normal = -(arrays["weights"] @ arrays["vectors"])

    def score(rows: Floats, scores: Floats) -> bool:
        return score_hyperplane(rows, normal, offset, scores)

    return score


def _arrays(fitted: Any) -> Arrays:
    return {
        "vectors": fitted.support_vectors_,
        "weights": fitted.dual_coef_[0],
        "shape": np.array([fitted._gamma, fitted.coef0, float(fitted.intercept_[0])]),
        "kind": np.array([KERNELS.index(fitted.kernel), fitted.degree], dtype=np.int64),
    }


SPEC = AlgorithmSpec(
    name="one_class_svm",
    platform_name="OneClassSVM",
    title="One-class support vector machine",
    description="A smooth boundary around the training rows. Standardise the columns; slow to fit on many rows.",
    aliases=("OCSVM",),
    parameters=(
        Parameter("kernel", "string", "rbf", "Shape of the boundary", choices=KERNELS),
        Parameter("nu", "number", 0.5, "Most of the rows that may lie outside", minimum=0.001, maximum=1.0),
        Parameter(
            "gamma",
            "number",
            "auto",
            "Inverse width of the kernel; 'auto' is 1 / columns, 'scale' divides that by the variance",
            minimum=1e-6,
            maximum=1e6,
            choices=("auto", "scale"),
        ),
        Parameter("degree", "integer", 3, "Degree of the 'poly' kernel", minimum=1, maximum=MAX_DEGREE),
        Parameter(
            "coef0", "number", 0.0, "Constant term of 'poly' and 'sigmoid'", minimum=-1000, maximum=1000
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
