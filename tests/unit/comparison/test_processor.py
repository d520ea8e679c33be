"""Processor time of a process tree: used, waited for, and what share of the calls' time that was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.metrics import Metric, paired
from pynomaly_itest.comparison.pairing import Pair
from pynomaly_itest.comparison.processor import Mark, mark, pin, processor_time, waiting_share
from pynomaly_itest.comparison.sides import Started
from pynomaly_itest.measure import Tolerance

TOLD = Path("/proc/self/schedstat").exists() and len(os.sched_getaffinity(0)) > 0
needs_the_kernel = pytest.mark.skipif(not TOLD, reason="this kernel does not tell what a thread waited")

WORK = """
import time
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
    """Both compute for 0.2 s on one core, at the same time, and then stay."""
    core = max(os.sched_getaffinity(0))
    command = [sys.executable, "-c", WORK]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        pin(process.pid, (core,))
    yield processes
    for process in processes:
        process.communicate("\n")


@needs_the_kernel
def test_those_who_share_a_core_wait_for_it(two_on_one_core: list[subprocess.Popen[str]]) -> None:
    for process in two_on_one_core:
        assert process.stdout is not None
        assert process.stdout.readline() == "x\n"
    told = mark([side(each) for each in two_on_one_core], 7)
    assert told.turns == 7
    assert told.base_s is not None
    assert told.base_s > 0.15
    assert told.waited_s > 0.1
    assert waiting_share([Mark(0, 0.0, 0.0), told], told.waited_s * 4) == pytest.approx(0.25)


def test_what_is_not_ours_is_not_told() -> None:
    assert processor_time(side(None)) is None
    told = mark([side(None), side(None)], 0)
    assert (told.base_s, told.candidate_s) == (None, None)


@pytest.mark.parametrize(
    ("waited_s", "calls_s", "share"),
    [
        ([0.0], 1.0, 0.0),
        ([1.0, 1.5], 1.0, 0.5),
        ([1.0, 9.0], 1.0, 1.0),
        ([1.0, 1.5], 0.0, 0.0),
        ([2, 1], 1, 0),
    ],
)
def test_the_share_is_of_the_calls_time(waited_s: list[float], calls_s: float, share: float) -> None:
    assert waiting_share([Mark(0, 1.0, 1.0, each) for each in waited_s], calls_s) == share


@pytest.mark.parametrize(("metric", "share"), [("p50", 0.3), ("p95", 0.3), ("cpu", 0.0), ("throughput", 0.0)])
def test_waiting_is_part_of_the_calls_times_only(metric: str, share: float) -> None:
    pairs = [Pair(waiting_share=0.2), Pair(waiting_share=0.4)]
    kind = Metric(metric, metric, "predict" if metric.startswith("p") else None)
    assert paired(kind, pairs, Tolerance()).waiting_share == pytest.approx(share)
