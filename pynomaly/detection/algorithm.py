"""What an algorithm is to the platform: a name, declared parameters, a way to learn arrays and one to score by them."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from pynomaly.detection.model import (
    SMALLEST_SPREAD,
    Arrays,
    Floats,
    FrozenModel,
    Scorer,
    all_usable,
    as_rows,
    freeze_arrays,
    non_finite,
)
from pynomaly.detection.parameters import Parameter, ParameterValue, check_parameters
from pynomaly.detection.thresholds import threshold_of
from pynomaly.domain.errors import CorruptStore, InvalidInput, InvalidParameter
from pynomaly.memory import give_back

Progress: TypeAlias = Callable[[float], None]
logger = logging.getLogger(__name__)

MIN_TRAINING_ROWS = 2
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Training:
    """What an algorithm learns from: X (n_samples, n_features) float64, finite; checked parameters; the names of
    those that were asked for rather than left at their default."""

    X: Floats
    contamination: float
    parameters: Mapping[str, ParameterValue]
    asked: frozenset[str]
    seed: int | None
    report_progress: Progress

    def integer(self, name: str) -> int:
        """The value of an integer parameter."""
        return int(self.parameters[name])

    def number(self, name: str) -> float:
        """The value of a numeric parameter."""
        return float(self.parameters[name])

    def threshold_by(self, score: Scorer, held_out: Floats | None) -> float:
        """The threshold of the training rows as the frozen model scores them, and as it would without each of them.

        A model that keeps its rows finds each of them at no distance from itself: by those scores alone any new row
        would be an anomaly (all of them, with one neighbour). By the held-out ones alone, rounding could put equal
        rows above. The larger of the two thresholds has neither fault.
        """
        scores = np.empty(len(self.X))
        if not score(self.X, scores):
            raise non_finite(self.X)
        served = threshold_of(scores, self.contamination)
        return served if held_out is None else max(served, threshold_of(held_out, self.contamination))

    def neighbours(self, name: str = "n_neighbors") -> int:
        """How many neighbours to use: at most one fewer than there are rows. The default is lowered to that,
        a number that was asked for is refused (InvalidParameter)."""
        wanted, most = self.integer(name), len(self.X) - 1
        if wanted <= most:
            return wanted
        if name in self.asked:
            raise InvalidParameter(
                f"{name}: {wanted} neighbours asked for, but there are {self.X.shape[0]} training rows",
                hint=f"{name} is at most {most} here",
            )
        return most


@dataclass(frozen=True, slots=True)
class Learned:
    """What fitting yields: the arrays that scoring needs, and the parameters as they took effect.

    `held_out`: where the model keeps its training rows, their scores (n_samples,) finite, each without itself.
    """

    arrays: Arrays
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    held_out: Floats | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AlgorithmSpec:
    """One algorithm. Making one imports neither PyOD nor numba; `fit` imports the former, building a model the latter.

    `verify` raises CorruptStore if arrays read from a store are not what `scorer` may be given: the kernels don't
    check bounds, so this is what keeps a forged model from reading beyond its arrays.
    """

    name: str
    platform_name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    learn: Callable[[Training], Learned] = field(repr=False)
    verify: Callable[[Arrays, int], None] = field(repr=False)
    scorer: Callable[[Arrays, Mapping[str, ParameterValue]], Scorer] = field(repr=False)
    aliases: tuple[str, ...] = ()

    def check_parameters(self, given: Mapping[str, object] | None) -> dict[str, ParameterValue]:
        """Every parameter with its given or default value; raises InvalidParameter."""
        return check_parameters(self.parameters, given or {})

    def fit(
        self,
        X: ArrayLike,
        *,
        contamination: float = 0.1,
        parameters: Mapping[str, object] | None = None,
        seed: int | None = None,
        report_progress: Progress | None = None,
    ) -> FrozenModel:
        """A new model fitted on X: (n_samples >= 2, n_features) finite numbers.

        contamination: expected share of anomalies, in (0, 0.5]; of the training rows, the model labels no more than
        that. report_progress is called with 0 to 1. Raises InvalidParameter, NonFiniteValues, or InvalidInput if the
        algorithm can't be fitted on this X.
        """
        report = report_progress or _ignore_progress
        training = Training(
            X=_training_rows(X),
            contamination=_checked_contamination(contamination),
            parameters=self.check_parameters(parameters),
            asked=frozenset(parameters or ()),
            seed=_checked_seed(seed),
            report_progress=report,
        )
        report(0.0)
        learned = _learn(self.learn, training)
        effective = {**training.parameters, **learned.parameters}
        arrays = freeze_arrays(learned.arrays)
        self.verify(arrays, training.X.shape[1])
        give_back()  # before the kernels come on top
        threshold = training.threshold_by(self.scorer(arrays, effective), learned.held_out)
        model = self.build(
            n_features=training.X.shape[1],
            contamination=training.contamination,
            threshold=threshold,
            parameters=effective,
            arrays=arrays,
        )
        report(1.0)
        return model

    def build(
        self,
        *,
        n_features: int,
        contamination: float,
        threshold: float,
        parameters: Mapping[str, ParameterValue],
        arrays: Arrays,
    ) -> FrozenModel:
        """The model of these arrays; raises CorruptStore if they do not fit together."""
        frozen = freeze_arrays(arrays)
        if not math.isfinite(threshold):
            raise CorruptStore(f"{self.name}: the threshold is not finite")
        self.verify(frozen, n_features)
        return FrozenModel(
            algorithm=self.name,
            n_features=n_features,
            contamination=contamination,
            threshold=threshold,
            parameters=dict(parameters),
            arrays=frozen,
            scorer=self.scorer(frozen, parameters),
        )

    def describe(self) -> dict[str, Any]:
        """The algorithm as JSON values, for a catalogue."""
        return {
            "name": self.name,
            "platform_name": self.platform_name,
            "title": self.title,
            "description": self.description,
            "parameters": [parameter.describe() for parameter in self.parameters],
        }


def _ignore_progress(_fraction: float) -> None:
    return None


def _training_rows(X: ArrayLike) -> Floats:
    rows = as_rows(X)
    if rows.shape[0] < MIN_TRAINING_ROWS or rows.shape[1] < 1:
        raise InvalidInput(
            f"{rows.shape[0]} rows of {rows.shape[1]} columns are too few to train on",
            hint=f"at least {MIN_TRAINING_ROWS} rows and 1 column",
        )
    if not all_usable(rows):
        raise non_finite(rows)
    spread = np.ptp(rows, axis=0)
    too_even = (spread > 0) & (spread < SMALLEST_SPREAD)
    if too_even.any():
        raise InvalidInput(
            f"column {np.argmax(too_even)} (counted from 0) varies by less than {SMALLEST_SPREAD:g}",
            hint="use a larger unit",
        )
    return rows


def _checked_contamination(contamination: float) -> float:
    if isinstance(contamination, bool) or not isinstance(contamination, int | float | np.floating):
        raise InvalidParameter("contamination: not a number", hint="a number above 0, at most 0.5")
    if not 0.0 < contamination <= 0.5:
        raise InvalidParameter(
            f"contamination: {contamination} is not allowed", hint="a number above 0, at most 0.5"
        )
    return float(contamination)


def _checked_seed(seed: int | None) -> int | None:
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise InvalidParameter(f"seed: {seed} is not allowed", hint=f"an integer from 0 to {MAX_SEED}")
    return seed


def _learn(learn: Callable[[Training], Learned], training: Training) -> Learned:
    """Run the fitting library at our border: its ValueErrors become InvalidInput, its warnings log lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            learned = learn(training)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise InvalidInput(
                f"the algorithm can't be fitted on this data: {_first_line(error)}",
                hint="more rows, other parameters or another algorithm may do",
            ) from error
    for message in sorted({_first_line(warning.message) for warning in caught}):
        logger.info("fitting said: %s", message)
    return learned


def _first_line(message: object) -> str:
    return (str(message).strip().splitlines() or ["no reason given"])[0][:200]
