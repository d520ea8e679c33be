"""What a detection found, and how good it was where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pynomaly.domain.moments import Moments
from pynomaly.domain.permissions import SecurityLevel


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Scores (n,) float64, higher is more anomalous, and labels (n,) int8, 1 where the score is over the threshold."""

    scores: NDArray[np.float64]
    labels: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """What is known of a detection on a stored dataset; scores and labels are a blob under the same id."""

    id: str
    owner_id: str
    tenant_id: str
    detector_id: str
    dataset_id: str
    model_id: str
    timestamp: datetime
    n_samples: int
    n_anomalies: int
    threshold: float
    execution_time_ms: float
    score_statistics: Mapping[str, float]
    level: SecurityLevel = SecurityLevel.INTERNAL


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How labels and scores agree with the truth; a figure that the data can't give is None."""

    n_samples: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float | None
    average_precision: float | None
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


def score_statistics(scores: NDArray[np.float64]) -> dict[str, float]:
    """Summary of scores (n,): min, max, mean, std, median, p95; empty for no rows."""
    if len(scores) == 0:
        return {}
    moments = Moments()
    moments.add(scores)
    # halved and doubled, exactly: the sum of two middle scores may be more than float64 holds
    median, p95 = 2 * np.quantile(scores / 2, [0.5, 0.95])
    return {
        "min": float(scores.min()),
        "max": float(scores.max()),
        "mean": moments.mean or 0.0,
        "std": moments.std or 0.0,
        "median": float(median),
        "p95": float(p95),
    }


def evaluate_labels(truth: NDArray[np.int8], rows: ScoredRows) -> Evaluation:
    """Compare with truth (n,) of 0 and 1; ratios without a denominator are 0, as in scikit-learn.

    ROC AUC is the Mann-Whitney statistic with ties at one half, average precision the step-wise sum over distinct
    scores. Without an anomaly both are None, and ROC AUC also where all are.
    """
    predicted = rows.labels.astype(bool)
    actual = truth.astype(bool)
    tp = int((predicted & actual).sum())
    fp = int((predicted & ~actual).sum())
    fn = int((~predicted & actual).sum())
    tn = len(truth) - tp - fp - fn
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    both = 0 < tp + fn < len(truth)
    return Evaluation(
        n_samples=len(truth),
        accuracy=(tp + tn) / len(truth) if len(truth) else 0.0,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        roc_auc=_roc_auc(actual, rows.scores) if both else None,
        average_precision=_average_precision(actual, rows.scores) if tp + fn else None,
        true_positives=tp,
        false_positives=fp,
        true_negatives=tn,
        false_negatives=fn,
    )


def _roc_auc(actual: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    mean_rank = last_rank - (counts - 1) / 2
    n_positive = int(actual.sum())
    n_negative = len(actual) - n_positive
    rank_sum = float(mean_rank[inverse][actual].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def _average_precision(actual: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(actual[order])
    distinct = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    precision = hits[distinct] / (distinct + 1)
    recall = hits[distinct] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())
