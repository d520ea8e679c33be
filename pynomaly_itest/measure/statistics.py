"""The one way from samples to a number with an interval, under the names that gates use."""

from __future__ import annotations

import re
from collections.abc import Callable

from pynomaly_itest.measure.estimate import Estimate, exact, no_data
from pynomaly_itest.measure.means import mean, rate, stddev
from pynomaly_itest.measure.quantiles import quantile
from pynomaly_itest.measure.samples import Samples

STATISTICS = ("mean", "median", "min", "max", "stddev", "sum", "count", "first", "last", "rate")
"""Beside these, any quantile: p50, p90, p95, p99, p99.9, …"""

DEFAULT_CONFIDENCE = 0.95

_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,4})?)")


def statistic(samples: Samples, name: str, *, confidence: float = DEFAULT_CONFIDENCE) -> Estimate:
    """The statistic called `name` of the samples. Raises KeyError for a name that is none.

    min, max, sum, count, first and last say what was seen: exact, without an interval. Of no samples the
    count is 0, and everything else is NaN.
    """
    p = quantile_of(name)
    if p is not None:
        return quantile(samples, p, confidence=confidence)
    if name == "mean":
        return mean(samples, confidence=confidence)
    if name == "stddev":
        return stddev(samples, confidence=confidence)
    if name == "rate":
        return rate(samples, confidence=confidence)
    if name == "count":
        return exact(samples.n, "1", samples.n)
    if name not in _EXACT:
        raise KeyError(name)
    return exact(_EXACT[name](samples), samples.unit, samples.n) if samples.n else no_data(samples.unit)


def quantile_of(name: str) -> float | None:
    """0.999 for "p99.9", 0.5 for "median"; None if the name is no quantile's."""
    if name == "median":
        return 0.5
    matched = _QUANTILE.fullmatch(name)
    if matched is None or not float(matched[1]) > 0:
        return None
    return round(float(matched[1]) / 100, 8)


def is_statistic(name: str) -> bool:
    """Whether `statistic` knows the name: for checks before anything runs."""
    return name in STATISTICS or quantile_of(name) is not None


def _least(samples: Samples) -> float:
    return samples.histogram().least if samples.is_folded else float(samples.values.min())


def _greatest(samples: Samples) -> float:
    return samples.histogram().greatest if samples.is_folded else float(samples.values.max())


def _sum(samples: Samples) -> float:
    import numpy as np

    return samples.histogram().total if samples.is_folded else float(samples.values.sum(dtype=np.float64))


def _first(samples: Samples) -> float:
    return float("nan") if samples.is_folded else float(samples.values[0])


def _last(samples: Samples) -> float:
    return float("nan") if samples.is_folded else float(samples.values[-1])


_EXACT: dict[str, Callable[[Samples], float]] = {
    "min": _least,
    "max": _greatest,
    "sum": _sum,
    "first": _first,
    "last": _last,
}
