"""Detection quality from true labels and what a service says of the same rows: each figure with its interval."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pynomaly_itest.errors import StepFailed

if TYPE_CHECKING:
    from pynomaly_itest.measure import Estimate

Inference: TypeAlias = "Callable[[float], Estimate]"
"""A measurement whose interval is made for the confidence that a gate asks for."""

FIGURES = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")
_FEWEST_OF_A_CLASS = 5
_MANY_ROWS, _MANY_RESAMPLES, _FEW_RESAMPLES = 5_000, 999, 199


def quality(truth: Any, labels: Any = None, scores: Any = None) -> dict[str, Inference]:
    """The figures of merit, each with its interval: those of the labels without scores, those of the scores without
    labels.

    truth, labels: (n,) of 0 and 1; scores: (n,), higher is more anomalous.
    Raises StepFailed where there are more or fewer labels or scores than true ones.
    """
    import numpy as np

    actual = np.asarray(truth, bool)
    positives, n = int(actual.sum()), len(actual)
    fewest = min(positives, n - positives)
    figures: dict[str, Inference] = {}
    if labels is not None:
        found = _as_long(np.asarray(labels, bool), n)
        hits = int((actual & found).sum())
        figures |= {
            "accuracy": _share(int((actual == found).sum()), n),
            "precision": _share(hits, int(found.sum())),
            "recall": _share(hits, positives),
            "f1": _of_enough(fewest, _resampled(_f1, actual, found)),
        }
    if scores is not None:
        score = _as_long(np.asarray(scores, float), n)
        figures |= {
            "roc_auc": _of_enough(fewest, _area(actual, score)),
            "average_precision": _of_enough(fewest, _resampled(_average_precision, actual, score)),
        }
    return figures


def _as_long(values: Any, n: int) -> Any:
    if values.shape != (n,):
        raise StepFailed(f"{n} rows were sent, {len(values)} were scored")
    return values


def _share(hits: int, n: int) -> Inference:
    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import proportion

        return proportion(hits, n, confidence=confidence)

    return at


def _of_enough(fewest: int, inference: Inference) -> Inference:
    """The inference, without an interval where a class has too few rows for one: neither DeLong's variance nor a
    bootstrap sees how much another handful of anomalies would differ."""
    if fewest >= _FEWEST_OF_A_CLASS:
        return inference

    def at(confidence: float) -> Estimate:
        note = f"{fewest} rows of the rarer class, {_FEWEST_OF_A_CLASS} are needed for an interval"
        return replace(inference(confidence), low=None, high=None, note=note)

    return at


def _area(actual: Any, score: Any) -> Inference:
    """The chance that an anomaly scores higher than a normal row, ties counting half; DeLong's interval."""

    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import auc

        return auc(actual.astype(int), score, confidence=confidence)

    return at


def _resampled(metric: Callable[..., float], *columns: Any) -> Inference:
    """A metric with an interval by bootstrap over rows, drawn once for each confidence."""

    @functools.cache
    def at(confidence: float) -> Estimate:
        from pynomaly_itest.measure import bootstrap_rows

        resamples = _MANY_RESAMPLES if len(columns[0]) <= _MANY_ROWS else _FEW_RESAMPLES
        return bootstrap_rows(metric, *columns, confidence=confidence, resamples=resamples)

    return at


def _f1(actual: Any, found: Any) -> float:
    """The harmonic mean of precision and recall; NaN where there is no anomaly, neither true nor found."""
    both = int(actual.sum()) + int(found.sum())
    return 2 * int((actual & found).sum()) / both if both else float("nan")


def _average_precision(actual: Any, score: Any) -> float:
    """The mean precision over the anomalies' ranks; rows of equal score enter together."""
    import numpy as np

    if not actual.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(actual[order])
    last_of_tie = np.append(np.diff(score[order]) != 0, True)
    precision = hits[last_of_tie] / (np.flatnonzero(last_of_tie) + 1)
    recall = hits[last_of_tie] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())
