"""Summaries lose no value, no peak and no failure of the clock."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pynomaly_itest.events import MetricRecorded, TargetSampled
from pynomaly_itest.report.summarise import MOST_SAMPLES, histogram, quantile, summarise, thin

_VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300)


@given(_VALUES)
def test_a_histogram_holds_every_value(values: list[float]) -> None:
    bins = histogram(sorted(values))
    assert bins is not None
    assert sum(bins.counts) == len(values)
    assert len(bins.edges) == len(bins.counts) + 1
    assert bins.edges == sorted(bins.edges)


@given(_VALUES)
def test_every_summary_is_finite(values: list[float]) -> None:
    shown = summarise(_metric(tuple(values), times_s=tuple(map(float, range(len(values))))))
    figures = [shown.min, shown.max, shown.mean, *shown.quantiles.values()]
    assert all(figure is not None and math.isfinite(figure) for figure in figures)


def test_a_histogram_of_decades_has_bins_of_equal_ratio() -> None:
    bins = histogram([1.0, 10.0, 100.0, 1000.0] * 9)
    assert bins is not None
    ratios = [high / low for low, high in zip(bins.edges, bins.edges[1:], strict=False)]
    assert max(ratios) / min(ratios) < 1.001


def test_no_values_no_histogram() -> None:
    assert histogram([]) is None


def test_quantiles_are_observed_values() -> None:
    ordered = [float(i) for i in range(1, 101)]
    assert quantile(ordered, 0.95) == 95.0
    assert quantile(ordered, 0.5) == 50.0
    assert quantile([7.0], 0.99) == 7.0


def _metric(values: tuple[float, ...], **more: object) -> MetricRecorded:
    return MetricRecorded.model_validate(
        {"at_s": 0, "scenario": "s", "name": "m", "unit": "ms", "n": len(values), "values": values, **more}
    )


def test_a_quantile_needs_a_value_beyond_it() -> None:
    few = summarise(_metric(tuple(map(float, range(1, 21)))))
    assert "p95" in few.quantiles
    assert "p99" not in few.quantiles
    assert few.quantiles["p95"] == 19.0


def test_logged_quantiles_win_for_they_come_from_all_values() -> None:
    shown = summarise(_metric((1.0, 2.0, 3.0), quantiles={"p50": 2.5, "p99": 9.0}))
    assert shown.quantiles["p50"] == 2.5
    assert shown.quantiles["p99"] == 9.0


def test_values_that_are_no_numbers_are_left_out_and_counted() -> None:
    shown = summarise(_metric((1.0, math.nan, math.inf, 3.0)))
    assert (shown.n, shown.kept, shown.max, shown.mean) == (4, 2, 3.0, 2.0)


def test_a_metric_without_values_has_no_figures() -> None:
    shown = summarise(_metric(()))
    assert (shown.min, shown.mean, shown.histogram, shown.over_time, shown.quantiles) == (None,) * 4 + ({},)


def test_slices_of_time_hold_every_value() -> None:
    values = tuple(float(i % 7) for i in range(500))
    shown = summarise(_metric(values, times_s=tuple(i / 10 for i in range(500))))
    assert shown.over_time is not None
    assert sum(shown.over_time.n) == 500
    assert max(shown.over_time.max) == 6.0
    assert shown.over_time.at_s == sorted(shown.over_time.at_s)


def test_all_at_one_time_has_no_slices() -> None:
    assert summarise(_metric((1.0, 2.0), times_s=(3.0, 3.0))).over_time is None


def test_thinning_keeps_the_peak() -> None:
    samples = [
        TargetSampled(at_s=i, rss_mb=900.0 if i == 777 else 100.0, cpu_percent=None) for i in range(5000)
    ]
    thinned = thin(samples)
    assert thinned is not None
    assert len(thinned.at_s) <= MOST_SAMPLES
    assert max(thinned.rss_mb) == 900.0
    assert set(thinned.cpu_percent) == {None}
    assert thinned.n == 5000


def test_no_samples_no_resources() -> None:
    assert thin([]) is None
    assert thin([TargetSampled(at_s=0, rss_mb=math.nan)]) is None
