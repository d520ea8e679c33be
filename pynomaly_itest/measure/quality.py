"""Detection quality with intervals: of one detector on its rows, and of two on the same rows.

AUC by DeLong, DeLong & Clarke-Pearson (1988) in Sun & Xu's (2014) fast form; paired proportions by McNemar's exact
test (1947) and Newcombe's interval (1998, method 10); anything else by bootstrap over rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynomaly_itest.measure.estimate import Estimate, no_data

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    AnyArray = npt.NDArray[Any]

FEWEST_SEEDS = 5
_SEED = 19_880_901
_RESAMPLES = 999


@dataclass(frozen=True)
class ScoredRows:
    """The same rows scored by two detectors. labels: (n,) 1 for an anomaly; base, candidate: (n,) scores."""

    labels: AnyArray
    base: FloatArray
    candidate: FloatArray


def auc(labels: AnyArray, scores: FloatArray, *, confidence: float = 0.95) -> Estimate:
    """Area under the ROC curve, ties counting half, with DeLong's interval on the logit scale.

    labels: (n,) 1 for an anomaly; scores: (n,), higher is more anomalous. NaN where a class is missing.
    """
    import numpy as np

    parts = _components(np.asarray(labels), [np.asarray(scores, dtype=np.float64)])
    if parts is None:
        return no_data("1")
    value, n = float(parts.values[0]), len(labels)
    error = math.sqrt(max(0.0, float(parts.covariance[0, 0])))
    edge = 0.5 / n  # at 0 or 1 the logit is infinite and DeLong's error 0
    centre = min(max(value, edge), 1 - edge)
    reach = _normal(confidence) * max(error, edge) / (centre * (1 - centre))
    logit = math.log(centre / (1 - centre))
    low, high = (1 / (1 + math.exp(-(logit + sign * reach))) for sign in (-1, 1))
    return Estimate(
        value, "1", n, min(low, value), max(high, value), confidence, "DeLong", at_least=0.0, at_most=1.0
    )


def auc_difference(seeds: Sequence[ScoredRows], *, confidence: float = 0.95) -> Estimate:
    """AUC of the candidate less that of the base, over several seeds of training and data.

    One seed's interval knows only the rows, not the training (it covered 42 %): from fewer than five there is
    none. The rows' error (paired DeLong) and that between seeds are added; t of seeds - 1 degrees.
    """
    import numpy as np
    from scipy.special import stdtrit

    found = [
        _components(np.asarray(rows.labels), [np.asarray(rows.base), np.asarray(rows.candidate)])
        for rows in seeds
    ]
    usable = [parts for parts in found if parts is not None]
    if not usable or len(usable) < len(seeds):
        return no_data("1")
    differences = np.array([parts.values[1] - parts.values[0] for parts in usable])
    value, n = float(differences.mean()), sum(len(rows.labels) for rows in seeds)
    if len(usable) < FEWEST_SEEDS:
        note = f"{len(usable)} seeds, {FEWEST_SEEDS} are needed: one training is not like another"
        return Estimate(value, "1", n, method="paired DeLong", note=note, at_least=-1.0, at_most=1.0)
    rows_variance = float(np.mean([_variance_of_difference(parts.covariance) for parts in usable]))
    error = math.sqrt(rows_variance + float(differences.var(ddof=1)) / len(usable))
    reach = float(stdtrit(len(usable) - 1, (1 + confidence) / 2)) * error
    return Estimate(
        value,
        "1",
        n,
        value - reach,
        value + reach,
        confidence,
        "paired DeLong over seeds",
        at_least=-1.0,
        at_most=1.0,
    )


@dataclass(frozen=True)
class _Components:
    values: FloatArray
    covariance: FloatArray


def _components(labels: AnyArray, scores: Sequence[FloatArray]) -> _Components | None:
    """AUC of each score, (k,), and their covariance, (k, k), from midranks; None where a class is missing."""
    import numpy as np

    is_anomaly = labels == 1
    m, n = int(is_anomaly.sum()), int((~is_anomaly).sum())
    if m == 0 or n == 0 or not all(np.isfinite(score).all() for score in scores):
        return None
    values, above, below = [], [], []
    for score in scores:
        overall = _midranks(score)
        positive, negative = score[is_anomaly], score[~is_anomaly]
        above.append((overall[is_anomaly] - _midranks(positive)) / n)
        below.append(1 - (overall[~is_anomaly] - _midranks(negative)) / m)
        values.append(float(above[-1].mean()))
    covariance = np.zeros((len(scores), len(scores)))
    if m > 1:
        covariance += np.atleast_2d(np.cov(above)) / m
    if n > 1:
        covariance += np.atleast_2d(np.cov(below)) / n
    return _Components(np.array(values), covariance)


def _midranks(values: FloatArray) -> FloatArray:
    """1-based ranks, ties sharing their mean."""
    import numpy as np

    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[where]
    return ranks


def _variance_of_difference(covariance: FloatArray) -> float:
    return max(0.0, float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))


@dataclass(frozen=True)
class PairedOutcomes:
    """How two detectors did on the same rows: both right, only one of them, neither."""

    both: int
    only_base: int
    only_candidate: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_base + self.only_candidate + self.neither


def mcnemar_p(outcomes: PairedOutcomes) -> float:
    """Two-sided exact p-value of "both are right equally often"; 1 where they never differ."""
    from scipy.special import bdtr

    differing = outcomes.only_base + outcomes.only_candidate
    if differing == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(outcomes.only_base, outcomes.only_candidate), differing, 0.5)))


def paired_difference(outcomes: PairedOutcomes, *, confidence: float = 0.95) -> Estimate:
    """Share of right answers of the candidate less that of the base, on the same rows (Newcombe 1998, method 10)."""
    n = outcomes.n
    if n == 0:
        return no_data("1")
    candidate = outcomes.both + outcomes.only_candidate
    base = outcomes.both + outcomes.only_base
    value = (candidate - base) / n
    phi = _phi(outcomes, candidate, base)
    lows, highs = zip(*(_off(count, n, confidence) for count in (candidate, base)), strict=True)
    below = lows[0] ** 2 - 2 * phi * lows[0] * highs[1] + highs[1] ** 2
    above = highs[0] ** 2 - 2 * phi * highs[0] * lows[1] + lows[1] ** 2
    low, high = value - math.sqrt(max(0.0, below)), value + math.sqrt(max(0.0, above))
    return Estimate(value, "1", n, low, high, confidence, "Newcombe, paired", at_least=-1.0, at_most=1.0)


def _off(count: int, n: int, confidence: float) -> list[float]:
    """How far Wilson's bounds lie below and above the observed share."""
    from pynomaly_itest.measure.proportions import proportion

    wilson = proportion(count, n, confidence=confidence, method="wilson")
    return [wilson.value - (wilson.low or 0.0), (1.0 if wilson.high is None else wilson.high) - wilson.value]


def _phi(outcomes: PairedOutcomes, candidate: int, base: int) -> float:
    """Correlation of the two, corrected for continuity as Newcombe does where it is positive."""
    n = outcomes.n
    product = candidate * base * (n - candidate) * (n - base)
    if product == 0:
        return 0.0
    agreement = outcomes.both * outcomes.neither - outcomes.only_base * outcomes.only_candidate
    corrected = max(agreement - n / 2, 0.0) if agreement > 0 else float(agreement)
    return corrected / math.sqrt(product)


def bootstrap_rows(
    metric: Callable[..., float], *columns: AnyArray, confidence: float = 0.95, resamples: int = _RESAMPLES
) -> Estimate:
    """Any metric of rows, with a percentile interval over resampled rows (Efron 1979); always the same seed.

    columns: arrays of one length, handed to `metric` in this order. Resamples for which it is not finite (a class
    is missing in them) are left out; with fewer than half of them left there is no interval.
    """
    import numpy as np

    n = len(columns[0]) if columns else 0
    if n == 0:
        return no_data("1")
    value = float(metric(*columns))
    draw = np.random.default_rng(_SEED)
    drawn = np.empty(resamples)
    for number in range(resamples):
        rows = draw.integers(0, n, n)
        drawn[number] = metric(*(column[rows] for column in columns))
    usable = drawn[np.isfinite(drawn)]
    if usable.size < resamples / 2 or n < 2:
        return Estimate(value, "1", n, confidence=confidence, method="bootstrap over rows")
    low, high = np.quantile(usable, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(
        value, "1", n, min(float(low), value), max(float(high), value), confidence, "bootstrap over rows"
    )


def _normal(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
