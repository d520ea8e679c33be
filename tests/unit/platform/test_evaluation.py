"""The figures are scikit-learn's, ties and all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynomaly.domain.detections import ScoredRows, evaluate_labels, score_statistics


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_all_figures_agree_with_scikit_learn(n, seed):
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n).astype(np.int8)
    scores = rng.integers(0, 8, n).astype(float)  # ties abound
    labels = (scores > 4).astype(np.int8)
    found = evaluate_labels(truth, ScoredRows(scores, labels))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, labels, average="binary", zero_division=0.0
    )
    assert found.precision == pytest.approx(precision)
    assert found.recall == pytest.approx(recall)
    assert found.f1 == pytest.approx(f1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, labels))
    if 0 < truth.sum() < n:
        assert found.roc_auc == pytest.approx(metrics.roc_auc_score(truth, scores))
    else:
        assert found.roc_auc is None
    if truth.any():
        assert found.average_precision == pytest.approx(metrics.average_precision_score(truth, scores))
    else:
        assert found.average_precision is None
    total = found.true_positives + found.false_positives + found.true_negatives + found.false_negatives
    assert total == n


def test_statistics_of_scores():
    found = score_statistics(np.arange(101.0))
    assert (found["min"], found["max"], found["mean"], found["median"], found["p95"]) == (0, 100, 50, 50, 95)
    assert score_statistics(np.empty(0)) == {}


@pytest.mark.parametrize("truth", [[1, 1, 1], [1, 0, 1], [0, 0, 0]])
def test_the_tool_has_the_same_definition_of_average_precision(truth):
    from pynomaly_itest.steps.evaluate import quality

    scores = np.array([0.3, 0.9, 0.1])
    labels = np.array([0, 1, 0], np.int8)
    ours = evaluate_labels(np.array(truth, np.int8), ScoredRows(scores, labels)).average_precision
    theirs = quality(truth, labels, scores)["average_precision"](0.95).value
    assert (ours is None and theirs != theirs) or ours == pytest.approx(theirs)


def test_statistics_of_the_largest_scores_are_finite():
    largest = np.finfo(np.float64).max
    found = score_statistics(np.array([largest, largest, -largest]))
    assert all(np.isfinite(list(found.values())))
    assert found["median"] == largest
