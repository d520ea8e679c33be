"""Two evaluations of the same rows are paired; of other rows they are not."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.measure import Labels
from pynomaly_itest.measure.labels import labels_difference

CHANCE = np.random.default_rng(5)
ACTUAL = CHANCE.random(1000) < 0.1


def labelled(wrong: int, seed: int = 1, actual: np.ndarray = ACTUAL) -> Labels:
    """Labels of which so many are wrong."""
    rows = np.random.default_rng(seed).choice(len(actual), wrong, replace=False)
    found = actual.copy()
    found[rows] = ~found[rows]
    return Labels.of(actual, found, found + 0.5)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000])
def test_what_is_kept_is_what_was(n: int) -> None:
    given = Labels.of(ACTUAL[:n], ~ACTUAL[:n], np.arange(n))
    again = Labels.unpacked(**given.packed())
    assert np.array_equal(again.actual, given.actual)
    assert np.array_equal(again.found, given.found)
    assert again.scores == given.scores


@pytest.mark.parametrize(("n", "actual"), [(9, "AA=="), (1, "AAAA"), (1, "not base64!")])
def test_what_is_no_labels_is_refused(n: int, actual: str) -> None:
    with pytest.raises(ValueError, match=r"bits for|base64"):
        Labels.unpacked(n, actual, actual, "")


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "f1", "roc_auc"])
def test_the_same_answers_differ_by_nothing(metric: str) -> None:
    found = labels_difference(metric, labelled(30), labelled(30))
    assert found is not None
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "f1"])
def test_worse_answers_are_surely_worse(metric: str) -> None:
    found = labels_difference(metric, labelled(10), labelled(200))
    assert found is not None
    assert found.high is not None
    assert found.low is not None
    assert found.low < found.value < found.high < 0


def test_pairing_tells_more_than_two_intervals_do() -> None:
    base = labelled(100)
    flipped = base.found.copy()
    flipped[:3] = ~flipped[:3]
    found = labels_difference("accuracy", base, Labels(base.actual, flipped, ""))
    assert found is not None
    assert found.high is not None
    assert found.low is not None
    assert found.high - found.low < 0.02  # unpaired: about 0.05


def test_other_rows_and_other_metrics_are_not_paired() -> None:
    assert labels_difference("accuracy", labelled(10), labelled(10, actual=~ACTUAL)) is None
    assert labels_difference("roc_auc", labelled(10), labelled(20)) is None
