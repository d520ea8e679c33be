"""COPOD (Li et al. 2020): tail probabilities under an empirical copula, corrected for skewness."""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly.detection.algorithm import AlgorithmSpec, Learned, Training
from pynomaly.detection.model import Arrays, Scorer
from pynomaly.detection.parameters import ParameterValue
from pynomaly.detection.tails import freeze_columns, tails_scorer, verify_columns


def learn(training: Training) -> Learned:
    """The columns' frozen distributions: all that COPOD learns."""
    return Learned(freeze_columns(training.X))


def scorer(arrays: Arrays, _parameters: Mapping[str, ParameterValue]) -> Scorer:
    """The tail on the side the column leans to, or the mean of both."""
    return tails_scorer(arrays, copula=True)


SPEC = AlgorithmSpec(
    name="copod",
    platform_name="COPOD",
    title="Copula-based outlier detection",
    description="Tail probabilities with a correction for skewed columns. No parameters; ECOD is its successor.",
    parameters=(),
    learn=learn,
    verify=verify_columns,
    scorer=scorer,
)
