"""ECOD (Li et al. 2022): how far each value lies in the tail of its column, summed."""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.model import Arrays, Scorer
from pynomaly.detection.parameters import ParameterValue
from pynomaly.detection.tails import freeze_columns, tails_scorer, verify_columns


def learn(training: Training) -> Learned:
    """The columns' frozen distributions: all that ECOD learns."""
    return Learned(freeze_columns(training.X))


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The larger tail of each column."""
    return tails_scorer(arrays, copula=False)


SPEC = AlgorithmSpec(
    name="ecod",
    platform_name="ECOD",
    title="Empirical-cumulative-distribution outlier detection",
    description="Values far out in their column. No parameters, fast, explainable; blind to combinations.",
    parameters=(),
    learn=learn,
    verify=verify_columns,
    scorer=scorer,
)
