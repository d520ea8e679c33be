"""Shares with intervals: errors of requests, hits of look-ups, right answers of rows."""

from __future__ import annotations

import math
from typing import Literal

from pynomaly_itest.measure.estimate import Estimate, no_data

ProportionMethod = Literal["clopper-pearson", "wilson"]


def proportion(
    successes: int,
    n: int,
    *,
    confidence: float = 0.95,
    method: ProportionMethod = "clopper-pearson",
    n_effective: float | None = None,
) -> Estimate:
    """The share of successes among n trials, 0 to 1, with its interval.

    Clopper & Pearson (1934) never covers less than it says; Wilson (1927) does on average, and is narrower.
    n_effective: what n correlated trials are worth. Raises ValueError unless 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if n == 0:
        return no_data("1")
    share = successes / n
    trials = float(n) if n_effective is None else max(1.0, min(float(n), n_effective))
    bounds = _clopper_pearson if method == "clopper-pearson" else _wilson
    low, high = bounds(share * trials, trials, confidence)
    return Estimate(
        share, "1", n, low, high, confidence, method, n_effective=n_effective, at_least=0.0, at_most=1.0
    )


def _clopper_pearson(successes: float, trials: float, confidence: float) -> list[float]:
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    failures = trials - successes
    low = 0.0 if successes <= 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures <= 0 else float(betaincinv(successes + 1, failures, 1 - tail))
    return [low, high]


def _wilson(successes: float, trials: float, confidence: float) -> list[float]:
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return [max(0.0, centre - half), min(1.0, centre + half)]
