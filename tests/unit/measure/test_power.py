"""What a spread lets one tell, held against the verdict itself by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.measure.power import pairs_needed, smallest_told
from pynomaly_itest.measure.regression import PairedMetric, Tolerance, compare
from pynomaly_itest.measure.sequential import LOOKS
from pynomaly_itest.verdicts import Verdict


@pytest.mark.parametrize("pairs", LOOKS)
def test_nine_of_ten_are_found(pairs: int) -> None:
    spread, tolerance = 0.01, Tolerance(0.02, 0.5)
    worse = 0.02 + smallest_told(spread, pairs)
    noise = np.random.default_rng(pairs)
    found = 0
    for _ in range(300):
        effects = np.log1p(worse) + spread * noise.standard_normal(pairs)
        [judged] = compare([PairedMetric("p50", [np.array([effect]) for effect in effects], tolerance)])
        # so wide a `forbid` is ruled out first; what is asked is whether it is surely over `ignore`
        found += judged.low is not None and judged.low > tolerance.ignore
        assert judged.verdict is Verdict.PASSED
    assert 0.85 <= found / 300 <= 0.97


def test_more_pairs_tell_less() -> None:
    told = [smallest_told(0.02, pairs) for pairs in LOOKS]
    assert told == sorted(told, reverse=True)
    assert smallest_told(0.0, 6) == 0.0


def test_how_many_pairs_it_takes() -> None:
    assert pairs_needed(0.001, 0.03) == LOOKS[0]
    assert pairs_needed(0.5, 0.03) is None
    needed = pairs_needed(0.02, 0.03)
    assert needed in LOOKS
    assert smallest_told(0.02, needed) <= 0.03


@pytest.mark.parametrize(("spread", "pairs"), [(-1.0, 6), (0.1, 1)])
def test_nothing_is_told_from_nothing(spread: float, pairs: int) -> None:
    with pytest.raises(ValueError, match="tells nothing"):
        smallest_told(spread, pairs)
