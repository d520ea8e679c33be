"""PCA (Shyu et al. 2003): distance to the eigenvectors, those of small variance counting more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.lanes import by_column
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue
from pynomaly.domain.errors import InvalidInput


def learn(training: Training) -> Learned:
    """Fit PyOD's PCA and keep the components that have any variance.

    A constant column makes a component of no variance, by which PyOD divides: all scores become infinite. Such
    components say nothing and are left out; without them scores and threshold are PyOD's.
    """
    from pyod.models.pca import PCA

    standardise = bool(training.parameters["standardization"])
    detector = PCA(
        n_components=_n_components(training),
        standardization=standardise,
        weighted=bool(training.parameters["weighted"]),
        contamination=training.contamination,
        random_state=training.seed,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        detector.fit(training.X)
    training.report_progress(0.8)
    variances = detector.detector_.explained_variance_ratio_
    # a rank's usual tolerance: less is rounding
    keep = variances > variances.max() * max(training.X.shape) * np.finfo(np.float64).eps
    if not keep.any():
        raise InvalidInput("all rows are the same: PCA has nothing to learn", hint="another algorithm may do")
    n_columns = training.X.shape[1]
    arrays = {
        "components": detector.components_[keep],
        "weights": 1.0 / detector.w_components_[keep],
        "means": detector.scaler_.mean_ if standardise else np.zeros(n_columns),
        "deviations": detector.scaler_.scale_ if standardise else np.ones(n_columns),
    }
    return Learned(
        arrays=arrays, threshold=_threshold(detector, arrays, training, everything_kept=bool(keep.all()))
    )


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are components over n_features columns."""
    require_arrays(arrays, components="f8/2", weights="f8/1", means="f8/1", deviations="f8/1")
    components = arrays["components"]
    require(
        components.shape[1] == n_features and len(arrays["weights"]) == len(components) > 0, "'components'"
    )
    require(len(arrays["means"]) == len(arrays["deviations"]) == n_features, "means and deviations")
    require((arrays["deviations"] > 0).all(), "a deviation is not positive")


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The weighted sum of distances to the components."""
    from pynomaly.detection.kernels.linear import score_components

    plan = _plan(arrays)

    def score(rows: Floats, scores: Floats) -> bool:
        return score_components(rows, plan, scores)

    return score


def _plan(arrays: Arrays) -> Floats:
    """All that scoring needs in one array, as `score_components` takes it."""
    columns = by_column(arrays["components"])
    plan = np.zeros((columns.shape[0] + 1, columns.shape[1] + 2))
    plan[:-1, :-2] = columns
    plan[:-1, -2], plan[:-1, -1] = arrays["means"], arrays["deviations"]
    plan[-1, : len(arrays["weights"])] = arrays["weights"]
    return plan


def _n_components(training: Training) -> int | None:
    wanted = training.parameters["n_components"]
    return None if isinstance(wanted, str) else min(int(wanted), *training.X.shape)


def _threshold(detector: object, arrays: Arrays, training: Training, *, everything_kept: bool) -> float:
    if everything_kept:
        return float(detector.threshold_)  # type: ignore[attr-defined] # PyOD has no types
    return training.threshold_by(scorer(arrays, {}))


SPEC = AlgorithmSpec(
    name="pca",
    platform_name="PCA",
    title="Principal component analysis",
    description="Rows that break the correlations of the rest. Very fast; linear relations only.",
    parameters=(
        Parameter(
            "n_components",
            "integer",
            "all",
            "How many components",
            minimum=1,
            maximum=10_000,
            choices=("all",),
        ),
        Parameter("standardization", "boolean", True, "Bring columns to mean 0 and deviation 1 first"),
        Parameter(
            "weighted", "boolean", True, "Divide each distance by the component's share of the variance"
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
