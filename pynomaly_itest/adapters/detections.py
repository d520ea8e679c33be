"""A detection as the platform answers it, held against itself: a 200 that loses rows, or labels them otherwise than its
own threshold says, is no success."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pynomaly_itest.errors import StepFailed

_ROUNDED = 0.0051
_TOLERANCE = 1e-6


def check_detection(result: Any) -> dict[str, Any]:
    """A detection that is consistent in itself; raises StepFailed where it is not."""
    if not isinstance(result, dict):
        raise StepFailed("the detection's reply is not a JSON object")
    scores, labels = result.get("anomaly_scores"), result.get("anomaly_labels")
    if not isinstance(scores, list) or not isinstance(labels, list):
        raise StepFailed("the detection's reply has no anomaly_scores and anomaly_labels")
    n_samples, n_anomalies = result.get("n_samples"), result.get("n_anomalies")
    if not len(scores) == len(labels) == n_samples:
        raise StepFailed(
            f"the reply says n_samples = {n_samples}, and has {len(scores)} scores and {len(labels)} labels"
        )
    if not scores:
        raise StepFailed("the reply scores no row at all")
    if not all(is_finite(score) for score in scores):
        raise StepFailed("a score in the reply is not a finite number")
    if any(label not in (0, 1) for label in labels) or sum(labels) != n_anomalies:
        raise StepFailed(
            f"the reply says n_anomalies = {n_anomalies}, its labels say {sum(map(bool, labels))}"
        )
    _check_rate(result, sum(labels), len(labels))
    _check_threshold(result, scores, labels)
    return result


def check_asked(result: Mapping[str, Any], **asked: str) -> None:
    """A result that names another detector or dataset answers another question, as a mixed-up cache does."""
    for name, wanted in asked.items():
        said = result.get(name)
        if said is not None and str(said) != wanted:
            raise StepFailed(f"the detection was asked for {name} = {wanted}, the reply is of {said}")


def is_finite(value: Any) -> bool:
    """Whether a value of a reply is a number that can be reckoned with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _check_rate(result: dict[str, Any], n_anomalies: int, n_samples: int) -> None:
    """The rate, where the reply gives one, must be that of its labels; it may be rounded to two places."""
    rate = result.get("anomaly_rate")
    if rate is None:
        return
    if not is_finite(rate) or abs(rate - n_anomalies / n_samples) > _ROUNDED:
        raise StepFailed(
            f"the reply says anomaly_rate = {rate}, its labels say {n_anomalies / n_samples:.4g}"
        )


def _check_threshold(result: dict[str, Any], scores: list[float], labels: list[int]) -> None:
    """Every anomaly must score at least as high as every normal row, and the threshold lie between them."""
    anomalous = [score for score, label in zip(scores, labels, strict=True) if label]
    normal = [score for score, label in zip(scores, labels, strict=True) if not label]
    if anomalous and normal and min(anomalous) < max(normal):
        raise StepFailed(
            f"a row with score {min(anomalous):g} is an anomaly, one with {max(normal):g} is not: "
            "labels and scores contradict each other"
        )
    threshold = result.get("threshold")
    if threshold is None:
        return
    if not is_finite(threshold):
        raise StepFailed(f"the reply says threshold = {threshold}")
    slack = _TOLERANCE * max(1.0, abs(threshold))
    for wrong, kind in (
        (anomalous and min(anomalous) < threshold - slack, "an anomaly below"),
        (normal and max(normal) > threshold + slack, "a normal row above"),
    ):
        if wrong:
            raise StepFailed(f"the reply has {kind} its own threshold of {threshold:g}")
