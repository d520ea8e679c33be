"""Intervals of detection quality, against what is known of them and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pynomaly_itest.measure.quality import (
    PairedOutcomes,
    ScoredRows,
    auc,
    auc_difference,
    bootstrap_rows,
    mcnemar_p,
    paired_difference,
)

RUNS = 300


def rows(rng: np.random.Generator, n: int = 200, shift: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    labels = (rng.random(n) < 0.2).astype(int)
    return labels, rng.normal(size=n) + shift * labels


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_auc_is_the_share_of_rightly_ordered_couples(scored: list[tuple[bool, int]]) -> None:
    labels, scores = np.array([int(label) for label, _ in scored]), np.array([float(s) for _, s in scored])
    estimate = auc(labels, scores)
    couples = [(a > b) + (a == b) / 2 for a in scores[labels == 1] for b in scores[labels == 0]]
    if not couples:
        assert math.isnan(estimate.value)
        return
    assert estimate.value == pytest.approx(np.mean(couples))
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_auc_covers() -> None:
    rng = np.random.default_rng(1)
    truth = 0.5 * (1 + math.erf(1.5 / 2))
    held = 0
    for _ in range(RUNS):
        estimate = auc(*rows(rng))
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
    assert held / RUNS >= 0.92


def test_a_perfect_detector_is_still_not_certain() -> None:
    estimate = auc(np.array([0] * 50 + [1] * 5), np.arange(55.0))
    assert estimate.value == 1.0
    assert estimate.low is not None
    assert estimate.low < 1.0


def test_differences_of_auc_need_five_seeds_and_cover() -> None:
    rng = np.random.default_rng(2)

    def one(seed_effect: float) -> ScoredRows:
        labels, scores = rows(rng)
        better = scores + 0.3 * rng.normal(size=scores.size) + seed_effect * labels
        return ScoredRows(labels, scores, better)

    few = auc_difference([one(0.0) for _ in range(4)])
    assert (few.low, few.high) == (None, None)
    assert "5 are needed" in few.note
    shift = 1.5
    truth = 0.5 * (1 + math.erf(shift / math.sqrt(2 * (2 + 0.09)))) - 0.5 * (1 + math.erf(shift / 2))
    held = 0
    for _ in range(RUNS):
        estimate = auc_difference([one(0.0) for _ in range(5)])
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
    assert held / RUNS >= 0.92


def test_a_seed_without_both_classes_makes_no_estimate() -> None:
    broken = ScoredRows(np.zeros(5), np.arange(5.0), np.arange(5.0))
    assert math.isnan(auc_difference([broken] * 5).value)
    assert math.isnan(auc(np.zeros(5), np.arange(5.0)).value)
    assert math.isnan(auc(np.array([0, 1]), np.array([0.0, np.nan])).value)
    assert math.isnan(auc_difference([]).value)


@pytest.mark.parametrize(("only_base", "only_candidate"), [(0, 0), (3, 9), (9, 3), (5, 5), (0, 12)])
def test_mcnemar_as_the_binomial_test(only_base: int, only_candidate: int) -> None:
    differing = only_base + only_candidate
    expected = binomtest(only_base, differing).pvalue if differing else 1.0
    assert mcnemar_p(PairedOutcomes(50, only_base, only_candidate, 10)) == pytest.approx(expected)


def test_newcombes_own_example() -> None:
    """Newcombe 1998, table II, case (36, 12, 2, 0): difference 0.2, method 10 gives 0.0569 to 0.3404."""
    estimate = paired_difference(PairedOutcomes(both=36, only_base=2, only_candidate=12, neither=0))
    assert estimate.value == pytest.approx(0.2)
    assert estimate.low == pytest.approx(0.0569, abs=0.0006)
    assert estimate.high == pytest.approx(0.3404, abs=0.0006)


def test_paired_differences_cover() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        both, only_base, only_candidate, neither = rng.multinomial(150, [0.6, 0.1, 0.05, 0.25])
        estimate = paired_difference(PairedOutcomes(both, only_base, only_candidate, neither))
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= -0.05 <= estimate.high
    assert held / 1000 >= 0.935
    assert paired_difference(PairedOutcomes(0, 0, 0, 0)).n == 0


def test_bootstrap_over_rows_covers_and_repeats() -> None:
    def precision(truth: np.ndarray, flagged: np.ndarray) -> float:
        return float((truth & flagged).sum() / flagged.sum()) if flagged.any() else float("nan")

    rng = np.random.default_rng(4)
    held = 0
    for _ in range(100):
        flagged = rng.random(300) < 0.3
        truth = rng.random(300) < 0.7
        estimate = bootstrap_rows(precision, truth, flagged, resamples=399)
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 0.7 <= estimate.high
    assert held >= 88
    assert bootstrap_rows(precision, truth, flagged) == bootstrap_rows(precision, truth, flagged)
    never = bootstrap_rows(precision, truth, np.zeros(300, dtype=bool))
    assert math.isnan(never.value)
    assert (never.low, never.high) == (None, None)
    assert bootstrap_rows(precision).n == 0
