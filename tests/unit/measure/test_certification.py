"""Limits on quantiles judged by what lies beyond them: the table of MLPerf, and never a pass on less."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.measure import Histogram, Samples, judge_quantile, samples_needed
from pynomaly_itest.results import Verdict


def uniform(n: int) -> Samples:
    return Samples.of("latency_ms", np.random.default_rng(0).uniform(1, 2, n), "ms")


@pytest.mark.parametrize("p", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_as_many_as_mlperf_says_and_no_fewer(p: float, confidence: float) -> None:
    n = samples_needed(p, 0.99)
    assert judge_quantile(uniform(n), p, "<=", 2.0, confidence=confidence).verdict is Verdict.PASSED
    fewer = judge_quantile(uniform(n - 1), p, "<=", 2.0, confidence=confidence)
    assert fewer.verdict is Verdict.INCONCLUSIVE
    assert fewer.samples_to_settle == n


def test_a_stretch_in_which_nothing_was_due_takes_no_sample_away() -> None:
    busy, idle = Histogram(), Histogram()
    busy.record(np.full(300, 1.5))
    found = judge_quantile(Samples.folded("latency_ms", [busy, idle, busy, busy], "ms"), 0.95, "<=", 2.0)
    assert found.verdict is Verdict.PASSED
    assert "0 of 900 samples" in found.reason


def test_a_pass_errs_no_more_often_than_it_says() -> None:
    """The limit is a hair below the true p95: whoever passes is wrong."""
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(1000):
        samples = Samples.of("latency_ms", rng.uniform(0, 1, 100), "ms")
        passed += judge_quantile(samples, 0.95, "<=", 0.9499, confidence=0.95).verdict is Verdict.PASSED
    assert passed / 1000 <= 0.05
