"""The histogram's promises: 0.05 % at any quantile, exact merging, nothing lost."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.measure.histogram import Histogram, bucket_of, lower_edge, merged

MICROSECOND_MS, HOUR_MS = 1e-3, 3.6e6
durations = st.lists(st.floats(MICROSECOND_MS, HOUR_MS), min_size=1, max_size=200)


def histogram_of(values: list[float] | np.ndarray) -> Histogram:
    histogram = Histogram()
    histogram.record(np.asarray(values, dtype=np.float64))
    return histogram


@given(durations)
def test_every_rank_is_within_a_twentieth_of_a_percent(values: list[float]) -> None:
    histogram = histogram_of(values)
    for rank, value in enumerate(sorted(values), start=1):
        assert histogram.at_rank(rank) == pytest.approx(value, rel=0.0005)


@given(durations, durations)
def test_merging_is_the_same_as_recording_together(first: list[float], second: list[float]) -> None:
    together = histogram_of([*first, *second])
    apart = merged([histogram_of(second), histogram_of(first)])
    assert np.array_equal(apart.counts, together.counts)
    assert (apart.n, apart.least, apart.greatest) == (together.n, together.least, together.greatest)
    assert apart.total == pytest.approx(together.total)


@given(st.floats(MICROSECOND_MS, HOUR_MS))
def test_a_value_lies_within_its_bucket(value: float) -> None:
    bucket = bucket_of(value)
    assert lower_edge(bucket) <= value < lower_edge(bucket + 1)


@given(durations)
def test_json_and_back(values: list[float]) -> None:
    histogram = histogram_of(values)
    again = Histogram.from_json(json.loads(json.dumps(histogram.to_json())))
    assert np.array_equal(again.counts, histogram.counts)
    assert (again.n, again.total, again.least) == (histogram.n, histogram.total, histogram.least)


def test_an_empty_histogram_survives_json() -> None:
    assert Histogram.from_json(json.loads(json.dumps(Histogram().to_json()))).n == 0


def test_counts_that_do_not_add_up_are_refused() -> None:
    record = histogram_of([1.0, 2.0]).to_json() | {"n": 3}
    with pytest.raises(ValueError, match="add up to 2"):
        Histogram.from_json(record)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        histogram_of([1.0, value])


def test_beyond_its_range_the_extremes_stay_exact() -> None:
    histogram = histogram_of([0.0, 1e-9, 5.0, 1e9])
    assert histogram.at_rank(4) == 1e9
    assert (histogram.least, histogram.greatest, histogram.n) == (0.0, 1e9, 4)
    with pytest.raises(IndexError):
        histogram.at_rank(5)


def test_float32_is_recorded_as_it_is() -> None:
    values = np.array([1.5, 2.25, 1000.125], dtype=np.float32)
    histogram = Histogram()
    histogram.record(values)
    assert histogram.total == float(values.sum())


def test_fraction_at_most() -> None:
    histogram = histogram_of([1.0, 2.0, 3.0, 4.0])
    assert histogram.fraction_at_most(2.0) == 0.5
    assert np.isnan(Histogram().fraction_at_most(1.0))
