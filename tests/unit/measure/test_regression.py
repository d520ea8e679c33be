"""Regression verdicts on simulated machines: quiet and noisy, the same build and a slower one."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import stdtr

from pynomaly_itest.measure.pairs import (
    MeanEffect,
    MedianEffect,
    effect_of,
    paired_log_ratios,
    quantile_log_ratios,
)
from pynomaly_itest.measure.regression import Comparison, PairedMetric, Tolerance, compare
from pynomaly_itest.measure.sequential import LOOKS, level_of_a_look, next_look, rejected_by_holm
from pynomaly_itest.results import Verdict

CALLS = 150


def one_pair(rng: np.random.Generator, change: float, between: float = 0.005) -> np.ndarray:
    """Log ratios within one process pair: correlated calls with bursts, around the pair's own offset."""
    shocks = rng.normal(size=CALLS + 100) * 0.05 * math.sqrt(1 - 0.5**2)
    calls = lfilter([1], [1, -0.5], shocks)[100:]
    bursts = (rng.random(CALLS) < 0.05) * rng.exponential(0.5, CALLS) * rng.choice([-1, 1], CALLS)
    return np.asarray(math.log1p(change) + between * rng.normal() + calls + bursts)


def verdict_of(rng: np.random.Generator, change: float, tolerance: Tolerance, **noise: float) -> Comparison:
    clusters: list[np.ndarray] = []
    while True:
        look = next_look(len(clusters))
        assert look is not None
        clusters += [one_pair(rng, change, **noise) for _ in range(look - len(clusters))]
        [found] = compare([PairedMetric("p50", clusters, tolerance)])
        if found.verdict is not Verdict.INCONCLUSIVE or found.next_look is None:
            return found


def verdicts(
    change: float, runs: int, tolerance: Tolerance | None = None, **noise: float
) -> Counter[Verdict]:
    rng = np.random.default_rng(21)
    return Counter(verdict_of(rng, change, tolerance or Tolerance(), **noise).verdict for _ in range(runs))


def test_the_same_build_passes() -> None:
    assert verdicts(0.0, 300) == {Verdict.PASSED: 300}


def test_a_slower_build_fails() -> None:
    assert verdicts(0.06, 200)[Verdict.FAILED] >= 198
    assert verdicts(0.10, 200) == {Verdict.FAILED: 200}


def test_what_is_just_forbidden_hardly_ever_passes() -> None:
    assert verdicts(0.05, 300)[Verdict.PASSED] <= 8


def test_what_is_just_ignored_hardly_ever_fails() -> None:
    assert verdicts(0.02, 300)[Verdict.FAILED] <= 8


def test_a_noisy_machine_is_no_reason_to_fail() -> None:
    found = verdicts(0.0, 200, between=0.15)
    assert found[Verdict.FAILED] == 0
    assert found[Verdict.INCONCLUSIVE] > 0


def test_nor_is_one_whose_starts_differ_wildly() -> None:
    """Student's t of two degrees has no variance: now and then a pair is far off. One number a pair, the hardest."""
    rng = np.random.default_rng(3)
    false, looks = 0, 0
    for _ in range(1000):
        effects = 0.05 * rng.standard_t(2, LOOKS[-1])
        for look in LOOKS:
            looks += 1
            clusters = [np.array([effect]) for effect in effects[:look]]
            [found] = compare([PairedMetric("m", clusters, Tolerance(0.0, 0.5))])
            if found.verdict is not Verdict.INCONCLUSIVE:
                false += found.verdict is Verdict.FAILED
                break
    assert looks > 1000
    assert false == 0


def test_a_faster_build_passes_and_a_throughput_counts_the_other_way() -> None:
    rng = np.random.default_rng(2)
    clusters = [one_pair(rng, -0.2) for _ in range(6)]
    assert compare([PairedMetric("p50", clusters)])[0].verdict is Verdict.PASSED
    [rate] = compare([PairedMetric("rate", clusters, worse="lower")])
    assert rate.verdict is Verdict.FAILED
    assert rate.change > 0.2


def test_the_interval_between_pairs_covers_and_says_what_it_could_have_seen() -> None:
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(400):
        effect = effect_of([one_pair(rng, 0.03) for _ in range(9)])
        assert isinstance(effect, MedianEffect)
        low, high = effect.bound(0.025, upper=False), effect.bound(0.025, upper=True)
        assert low is not None
        assert high is not None
        missed += not low <= math.log1p(0.03) <= high
    assert missed / 400 <= 0.077
    [found] = compare([PairedMetric("p50", [one_pair(rng, 0.0) for _ in range(9)])])
    assert found.smallest_seen is not None
    assert 0.02 < found.smallest_seen < 0.06


def test_between_the_looks_nothing_is_decided() -> None:
    rng = np.random.default_rng(1)
    for pairs in (2, 5, 7, 23):
        [found] = compare([PairedMetric("p50", [one_pair(rng, 0.5) for _ in range(pairs)])])
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.next_look == next_look(pairs)


def test_where_time_is_up_what_there_is_is_judged() -> None:
    rng = np.random.default_rng(1)
    for pairs, same, slower in ((5, "inconclusive", "inconclusive"), (7, "passed", "failed")):
        for change, verdict in ((0.0, same), (0.5, slower)):
            clusters = [one_pair(rng, change) for _ in range(pairs)]
            [found] = compare([PairedMetric("p50", clusters)], is_last=True)
            assert found.verdict.value == verdict, (pairs, change)


def test_failing_takes_stronger_evidence_than_not_passing() -> None:
    """Pairs that an even-handed test at 1 % would call worse: surely over `ignore` for it, for us not yet."""
    effects = math.log1p(0.06) + np.array([0.008, -0.008, 0.01, -0.01, 0.012, -0.012])
    metric = PairedMetric("m", [np.array([effect]) for effect in effects])
    assert compare([metric], false_alarm=0.01)[0].verdict is Verdict.FAILED
    assert compare([metric])[0].verdict is Verdict.INCONCLUSIVE


def test_a_pair_that_ran_longer_does_not_outvote_the_others() -> None:
    few = [np.full(10, 0.0) + 1e-3 * np.arange(10) for _ in range(5)]
    effect = effect_of([*few, np.full(10_000, 1.0)])
    assert effect is not None
    assert effect.value < 0.2


@pytest.mark.parametrize("clusters", [[], [np.array([0.1])], [np.array([0.1]), np.array([np.nan])]])
def test_too_little_is_never_a_pass(clusters: list[np.ndarray]) -> None:
    [found] = compare([PairedMetric("p50", clusters)])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.next_look == LOOKS[0]


def test_what_was_decided_stands() -> None:
    rng = np.random.default_rng(1)
    [failed] = compare([PairedMetric("p50", [one_pair(rng, 0.2) for _ in range(6)])])
    later = [PairedMetric("p50", [one_pair(rng, 0.0) for _ in range(9)])]
    assert compare(later, decided={"p50": failed}) == (failed,)


def test_metrics_share_the_error() -> None:
    """Ten metrics, each exactly at what is ignored: some would fail by chance if each were judged alone."""
    rng = np.random.default_rng(8)
    failing = 0
    for _ in range(60):
        metrics = [PairedMetric(str(m), [one_pair(rng, 0.02) for _ in range(9)]) for m in range(10)]
        failing += any(found.verdict is Verdict.FAILED for found in compare(metrics))
    assert failing <= 3


def test_identical_figures_are_no_trouble() -> None:
    same = compare([PairedMetric("rss", [np.zeros(1)] * 6), PairedMetric("p50", [np.zeros(50)] * 6)])
    assert [found.verdict for found in same] == [Verdict.PASSED] * 2
    worse = compare([PairedMetric("rss", [np.full(1, 0.1)] * 6), PairedMetric("p50", [np.full(50, 0.1)] * 6)])
    assert [found.verdict for found in worse] == [Verdict.FAILED] * 2


def test_pairs_that_differ_more_than_their_calls() -> None:
    rng = np.random.default_rng(4)
    clusters = [0.1 + 0.01 * rng.normal() + 1e-5 * rng.normal(size=50) for _ in range(6)]
    effect = effect_of(clusters)
    assert isinstance(effect, MeanEffect)
    assert effect.value == pytest.approx(0.1, abs=0.02)


def test_levels_of_the_looks_are_those_of_a_simulation() -> None:
    effects = np.random.default_rng(0).normal(size=(200_000, LOOKS[-1]))
    least = np.ones(len(effects))
    for look in LOOKS:
        seen = effects[:, :look]
        t = seen.mean(axis=1) / (seen.std(axis=1, ddof=1) / math.sqrt(look))
        least = np.minimum(least, stdtr(look - 1, -t))
    for error in (0.05, 0.03, 0.01, 0.005, 0.002):
        assert (least <= level_of_a_look(error)).mean() == pytest.approx(error, rel=0.12)


def test_levels_are_monotone_and_never_lax() -> None:
    errors = np.geomspace(1e-5, 0.05, 200)
    levels = [level_of_a_look(error) for error in errors]
    assert (np.diff(levels) > 0).all()
    assert all(level < error / 2 for level, error in zip(levels, errors, strict=True))
    for error in (0.0, 0.06):
        with pytest.raises(ValueError, match="error"):
            level_of_a_look(error)


def test_holm() -> None:
    assert rejected_by_holm({}, 0.01) == frozenset()
    strict, lax = level_of_a_look(0.005), level_of_a_look(0.01)
    assert rejected_by_holm({"a": strict * 0.9, "b": lax * 0.9}, 0.01) == {"a", "b"}
    assert rejected_by_holm({"a": lax * 0.9, "b": lax * 0.95}, 0.01) == frozenset()
    assert rejected_by_holm({"a": float("nan")}, 0.01) == frozenset()


def test_tolerances() -> None:
    for ignore, forbid in ((0.05, 0.05), (-0.1, 0.1)):
        with pytest.raises(ValueError, match="ignore"):
            Tolerance(ignore, forbid)


def test_ratios_of_calls_and_quantiles() -> None:
    rng = np.random.default_rng(3)
    base = rng.lognormal(0, 0.3, 2000).astype(np.float32)
    slower = (base * 1.1).astype(np.float32)
    assert paired_log_ratios(base, slower[:1500]).size == 1500
    assert paired_log_ratios(base, slower) == pytest.approx(math.log(1.1), abs=1e-5)
    for p in (0.95, 0.99):
        ratios = quantile_log_ratios(base, slower, p)
        assert 1 <= ratios.size <= 10
        assert ratios == pytest.approx(math.log(1.1), abs=1e-5)


@pytest.mark.parametrize(
    ("waiting_share", "worse", "verdict"),
    [
        (0.0, 0.0, Verdict.PASSED),
        (0.05, 0.0, Verdict.PASSED),
        (0.7, 0.018, Verdict.INCONCLUSIVE),  # 6 % of the work, seen through 70 % of waiting
        (0.0, 0.018, Verdict.PASSED),
        (0.6, 0.025, Verdict.FAILED),
        (0.0, 0.025, Verdict.PASSED),
        (1.0, 0.0, Verdict.INCONCLUSIVE),
        (1.0, 0.2, Verdict.FAILED),  # waiting hides a change, and makes none
    ],
)
def test_waiting_that_both_share_is_not_taken_for_likeness(
    waiting_share: float, worse: float, verdict: Verdict
) -> None:
    rng = np.random.default_rng(7)
    clusters = [math.log1p(worse) + rng.normal(0, 0.002, 200) for _ in range(12)]
    [found] = compare([PairedMetric("p50", clusters, waiting_share=waiting_share)])
    assert found.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert f"{waiting_share:.0%} of it was waiting for a processor" in found.reason
