"""PCA (Shyu et al. 2003): how far a row lies along each principal axis, axes of small variance counting more.

The score is sum over axes j of (z . v_j)^2 / l_j: z is the standardised row, v_j the axis, l_j its variance. PyOD sums
the distances of z to the tips of the vectors v_j instead. A vector and its opposite are the same axis, but not the same
tip: mirroring the data then changes which rows rank first, and which of the two an SVD finds is chance. `score: pyod`
asks for PyOD's sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.lanes import by_column
from pynomaly.detection.layout import require, require_arrays
from pynomaly.detection.model import Arrays, Floats, Scorer
from pynomaly.detection.parameters import Parameter, ParameterValue
from pynomaly.domain.errors import InvalidInput

_PYODS = "pyod"
_AXES, _TIPS = "axes", "components"  # the array that says how a model scores


def learn(training: Training) -> Learned:
    """Fit PyOD's PCA and keep the components that have any variance.

    A constant column makes a component of no variance, by which PyOD divides: all scores become infinite. Such
    components say nothing and are left out.
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
    scaling = {
        "means": detector.scaler_.mean_ if standardise else np.zeros(n_columns),
        "deviations": detector.scaler_.scale_ if standardise else np.ones(n_columns),
    }
    if training.parameters["score"] == _PYODS:
        tips = {"components": detector.components_[keep], "weights": 1.0 / detector.w_components_[keep]}
        return Learned({**tips, **scaling})
    return Learned({**_axes(detector.detector_, keep, bool(training.parameters["weighted"])), **scaling})


def verify(arrays: Arrays, n_features: int) -> None:
    """Raise CorruptStore unless the arrays are axes (or components) over n_features columns."""
    vectors = _AXES if _AXES in arrays else _TIPS
    require_arrays(arrays, **{vectors: "f8/2"}, weights="f8/1", means="f8/1", deviations="f8/1")
    found = arrays[vectors]
    require(found.shape[1] == n_features and len(arrays["weights"]) == len(found) > 0, f"'{vectors}'")
    require(len(arrays["means"]) == len(arrays["deviations"]) == n_features, "means and deviations")
    require((arrays["deviations"] > 0).all(), "a deviation is not positive")


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The weighted sum of squared projections on the axes, or of distances to the components.

    The arrays tell which: those of models from before there was a choice have components.
    """
    from pynomaly.detection.kernels.linear import score_components, score_projections

    kernel, vectors = (score_projections, _AXES) if _AXES in arrays else (score_components, _TIPS)
    plan = _plan(arrays, vectors)

    def score(rows: Floats, scores: Floats) -> bool:
        return kernel(rows, plan, scores)

    return score


def _axes(fitted: Any, keep: NDArray[np.bool_], weighted: bool) -> Arrays:
    """The axes kept, a row each, and what their squared projections are multiplied by: 1 / variance, or 1."""
    variances = fitted.explained_variance_[keep]
    return {
        _AXES: fitted.components_[keep],
        "weights": 1.0 / variances if weighted else np.ones(len(variances)),
    }


def _plan(arrays: Arrays, vectors: str) -> Floats:
    """All that scoring needs in one array, as the kernels take it."""
    columns = by_column(arrays[vectors])
    plan = np.zeros((columns.shape[0] + 1, columns.shape[1] + 2))
    plan[:-1, :-2] = columns
    plan[:-1, -2], plan[:-1, -1] = arrays["means"], arrays["deviations"]
    plan[-1, : len(arrays["weights"])] = arrays["weights"]
    return plan


def _n_components(training: Training) -> int | None:
    wanted = training.parameters["n_components"]
    return None if isinstance(wanted, str) else min(int(wanted), *training.X.shape)


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
            "weighted", "boolean", True, "Divide by the component's variance, so that small ones count more"
        ),
        Parameter(
            "score",
            "string",
            "projection",
            "'projection': squared projections on the components; 'pyod': distances to the components' tips, "
            "which mirroring the data changes",
            choices=("projection", _PYODS),
        ),
    ),
    learn=learn,
    verify=verify,
    scorer=scorer,
)
