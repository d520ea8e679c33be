"""Processor time of an answer, slice by slice: what a side does once in a while does not count as its answers'."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_itest.comparison.metrics import Metric, absolute, paired
from pynomaly_itest.comparison.pairing import Pair, _cpu_each, _Mark
from pynomaly_itest.measure import Tolerance
from pynomaly_itest.measure.pairs import effect_of

CPU = Metric("cpu", "cpu")


def marks(burst_s: float = 0.0, slower: float = 1.0) -> list[_Mark]:
    """Ten slices of 20 turns, 1 ms an answer; the base does something else in the fifth."""
    found = [_Mark(0, 1.0, 1.0)]
    for number in range(10):
        before = found[-1]
        assert before.base_s is not None
        assert before.candidate_s is not None
        extra = burst_s if number == 4 else 0.0
        found.append(
            _Mark(before.turns + 20, before.base_s + 0.02 + extra, before.candidate_s + 0.02 * slower)
        )
    return found


@pytest.mark.parametrize("burst_s", [0.0, 0.1])
def test_a_burst_moves_one_slice_only(burst_s: float) -> None:
    pairs = [
        Pair(figures=dict(_cpu_each(marks(burst_s if number == 2 else 0.0, 1.05)))) for number in range(6)
    ]
    assert absolute(CPU, pairs) == pytest.approx((1.0, 1.05))
    effect = effect_of(paired(CPU, pairs, Tolerance()).clusters)
    assert effect is not None
    assert effect.value == pytest.approx(np.log(1.05))


def test_what_is_not_told_is_no_figure() -> None:
    assert _cpu_each([_Mark(0, None, None), _Mark(20, None, None)]) == {}
    assert _cpu_each([_Mark(0, 1.0, 1.0)]) == {}
    assert _cpu_each([]) == {}
    assert _cpu_each([_Mark(0, 1.0, 1.0), _Mark(0, 1.1, 1.1)]) == {}
