"""Samples keep what they are given, in order, and do not let it be changed."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.measure import samples as module
from pynomaly_itest.measure.samples import Samples
from pynomaly_itest.measure.statistics import statistic


def test_they_are_an_own_copy_that_cannot_be_written() -> None:
    source = np.array([3.0, 1.0, 2.0])
    samples = Samples.of("latency_ms", source, "ms")
    source[0] = 99.0
    assert samples.values.tolist() == [3.0, 1.0, 2.0]
    assert samples.n == len(samples) == 3
    with pytest.raises(ValueError, match="read-only"):
        samples.values[0] = 0.0


def test_any_iterable_of_numbers_will_do() -> None:
    assert Samples.of("rows", (n for n in range(4)), "1").values.tolist() == [0, 1, 2, 3]
    assert Samples.of("x", np.ones(2, dtype=np.float32), "ms").values.dtype == np.float32
    assert Samples.of("x", [], "ms").n == 0


def test_times_must_match() -> None:
    with pytest.raises(ValueError, match="1 times for 2 values"):
        Samples.of("latency_ms", [1, 2], "ms", times_s=[0.0])


def test_beyond_the_limit_they_become_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RAW_LIMIT", 1000)
    values = np.random.default_rng(1).lognormal(1, 1, 5000)
    folded = Samples.of("latency_ms", values, "ms", duration_s=10)
    assert folded.is_folded
    assert folded.n == 5000
    for name, truth in (
        ("p50", np.quantile(values, 0.5)),
        ("p99", np.quantile(values, 0.99)),
        ("mean", values.mean()),
        ("stddev", values.std(ddof=1)),
        ("max", values.max()),
        ("min", values.min()),
        ("sum", values.sum()),
        ("rate", 500.0),
    ):
        estimate = statistic(folded, name)
        assert estimate.value == pytest.approx(truth, rel=0.001), name
        assert estimate.n == 5000
    bounds = statistic(folded, "p95")
    assert bounds.low is not None
    assert bounds.high is not None
    assert bounds.low < np.quantile(values, 0.95) < bounds.high
