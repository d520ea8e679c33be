"""Processor time of a process tree: what its threads waited for it, and what share that is of the calls that matter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.metrics import Metric, paired
from pynomaly_itest.comparison.pairing import Pair
from pynomaly_itest.comparison.processor import WaitMeter, mark, pin, waiting_share
from pynomaly_itest.comparison.sides import Started
from pynomaly_itest.measure import Tolerance

TOLD = Path("/proc/self/schedstat").exists()
needs_the_kernel = pytest.mark.skipif(not TOLD, reason="this kernel does not tell what a thread waited")

WORK = """
import time
input()
until = time.process_time() + 0.2
while time.process_time() < until:
    pass
print("x", flush=True)
input()
"""


def side(process: subprocess.Popen[str] | None) -> Started:
    return Started(Door("http://x"), (), None if process is None else process.pid)


@pytest.fixture
def two_on_one_core() -> Iterator[list[subprocess.Popen[str]]]:
    """Told to, both compute for 0.2 s on one core, at the same time, and then stay."""
    core = max(os.sched_getaffinity(0))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(2)
    ]
    for process in processes:
        pin(process.pid, (core,))
    yield processes
    for process in processes:
        process.communicate("\n")


@needs_the_kernel
def test_those_who_share_a_core_wait_for_it(two_on_one_core: list[subprocess.Popen[str]]) -> None:
    meters = [WaitMeter(side(each)) for each in two_on_one_core]
    before = [meter.waited_ns() for meter in meters]
    for process in two_on_one_core:
        assert process.stdin is not None
        process.stdin.write("go\n")
    for process in two_on_one_core:
        assert process.stdout is not None
        assert process.stdout.readline() == "x\n"
    waited_s = sum(meter.waited_ns() for meter in meters) / 1e9 - sum(before) / 1e9
    assert waited_s > 0.1
    told = mark([side(each) for each in two_on_one_core], 7)
    assert told.turns == 7
    assert told.base_s is not None
    assert told.base_s > 0.15
    for meter in meters:
        meter.close()
        assert meter.waited_ns() == 0


@needs_the_kernel
def test_of_what_is_not_ours_only_this_thread_is_told() -> None:
    meter = WaitMeter(side(None))
    assert 0 <= meter.waited_ns() < 3600e9
    meter.close()
    told = mark([side(None), side(None)], 0)
    assert (told.base_s, told.candidate_s) == (None, None)


def turns(waiting: int, *, both: bool = True) -> np.ndarray:
    """100 turns of calls of about 1 ms; in so many of them one side, or each, waits for 3 ms more, or a little more."""
    work = np.linspace(1.0, 1.01, 100)
    base = np.where(np.arange(100) < waiting, 3.0 + np.arange(100) % 7, 0.0)
    candidate = np.where(np.arange(100) < waiting, 3.0 + np.arange(100) % 5, 0.0) if both else np.zeros(100)
    return np.array([[work + base, base], [work * 1.05 + candidate, candidate]])


@pytest.mark.parametrize(
    ("waiting", "p", "least", "most"),
    [
        (0, 0.5, 0.0, 0.0),
        (60, 0.5, 0.0, 0.4),  # of the forty turns that did not wait the ratios are alike, and in the middle
        (100, 0.5, 0.7, 0.9),
        (0, 0.95, 0.0, 0.0),
        (20, 0.95, 0.8, 0.95),
        (100, 0.95, 0.8, 0.95),
        (2, 0.99, 0.6, 0.9),
    ],
)
def test_it_is_asked_of_what_decides_the_figure(waiting: int, p: float, least: float, most: float) -> None:
    assert least <= waiting_share(turns(waiting), p) <= most


def test_one_side_s_waiting_is_half_of_the_turns() -> None:
    share = waiting_share(turns(100, both=False), 0.5)
    assert 0.6 < share < 0.9


def test_a_share_is_a_share() -> None:
    assert waiting_share(np.array([[[1.0], [3.0]], [[1.0], [3.0]]]), 0.5) == 1.0
    assert waiting_share(np.empty((2, 2, 0)), 0.5) == 0.0
    assert waiting_share(np.array([[[2.0], [1.0]], [[2.0], [1.0]]]), 0.999) == 0.5


@pytest.mark.parametrize(("metric", "share"), [("p50", 0.3), ("p95", 0.3), ("cpu", 0.0), ("throughput", 0.0)])
def test_waiting_is_part_of_the_calls_times_only(metric: str, share: float) -> None:
    pairs = [Pair(waiting={"predict": np.array([[[1.0] * 10, [each] * 10]] * 2)}) for each in (0.2, 0.4)]
    kind = Metric(metric, metric, "predict" if metric.startswith("p") else None)
    assert paired(kind, pairs, Tolerance()).waiting_share == pytest.approx(share)
    assert paired(kind, [Pair()], Tolerance()).waiting_share == 0.0
