"""False alarms and power of the regression verdict, resampled from recorded process pairs of one build.

    python benchmarks/load_pairs.py --record     start process pairs of the same build, keep their calls (minutes)
    python benchmarks/load_pairs.py              resample what was recorded: results/load_pairs.json

A pair is two fresh processes on one core that score rows with a small isolation-forest-like kernel; requests
alternate in random order for two seconds after 30 calls of warm-up. Disturbed: a neighbour works in bursts. A slower
candidate is made from the recorded one by lengthening every call.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from load_report import RESULTS, write

from pynomaly_itest.measure.pairs import paired_log_ratios, quantile_log_ratios
from pynomaly_itest.measure.regression import PairedMetric, Tolerance, compare
from pynomaly_itest.measure.sequential import next_look
from pynomaly_itest.results import Verdict

RECORD = RESULTS / "load_pairs.npz"
SECONDS, WARM_UP = 2.0, 30
SCORER = """
import sys, time, numpy as np
rng = np.random.default_rng(7)
rows, weights = rng.normal(size=(400, 10)), rng.normal(size=(10, 60))
while True:
    line = sys.stdin.readline()
    if not line:
        break
    begun = time.perf_counter_ns()
    hidden = np.tanh(rows @ weights)
    scores = np.sort(np.exp(-(hidden**2).sum(axis=1)))
    sys.stdout.write(f"{time.perf_counter_ns() - begun}\\n")
    sys.stdout.flush()
"""
BURSTS = """
import os, random, time
parent = os.getppid()
while os.getppid() == parent:
    until = time.monotonic() + random.expovariate(1 / 0.15)
    while time.monotonic() < until:
        sum(range(1000))
    time.sleep(random.expovariate(1 / 0.3))
"""


class Scorer:
    """One fresh process of the build under test."""

    def __init__(self, core: int) -> None:
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", SCORER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **one_thread},
        )
        os.sched_setaffinity(self._process.pid, {core})

    def call_ms(self) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()) / 1e6

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def neighbour(core: int, *, present: bool) -> Iterator[None]:
    """Someone else on the same core, in bursts."""
    if not present:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", BURSTS]) as process:
        os.sched_setaffinity(process.pid, {core})
        try:
            yield
        finally:
            process.terminate()


def one_pair(core: int) -> np.ndarray:
    """Durations in ms, (2, n) float32: base and candidate, both the same build."""
    pair = [Scorer(core), Scorer(core)]
    calls: list[list[float]] = [[], []]
    try:
        for _ in range(WARM_UP):
            for scorer in pair:
                scorer.call_ms()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for which in random.sample((0, 1), 2):
                calls[which].append(pair[which].call_ms())
    finally:
        for scorer in pair:
            scorer.end()
    return np.array(calls, dtype=np.float32)


def record(pairs: int) -> None:
    core = max(os.sched_getaffinity(0))
    kept: dict[str, np.ndarray] = {}
    for condition in ("quiet", "disturbed"):
        with neighbour(core, present=condition == "disturbed"):
            found = [one_pair(core) for _ in range(pairs)]
        shortest = min(pair.shape[1] for pair in found)
        kept[condition] = np.stack([pair[:, :shortest] for pair in found])
        print(condition, kept[condition].shape, "median ms", float(np.median(kept[condition])))
    RESULTS.mkdir(exist_ok=True)
    np.savez_compressed(RECORD, **kept)


def ratios(calls: np.ndarray, metric: str) -> np.ndarray:
    base, candidate = calls
    return (
        paired_log_ratios(base, candidate) if metric == "p50" else quantile_log_ratios(base, candidate, 0.95)
    )


def outcome(
    effects: list[np.ndarray], change: float, tolerance: Tolerance, chance: random.Random
) -> Counter[str]:
    """One run of the sequential procedure on drawn pairs; either build may be the base."""
    clusters: list[np.ndarray] = []
    while (look := next_look(len(clusters))) is not None:
        while len(clusters) < look:
            clusters.append(chance.choice((1, -1)) * chance.choice(effects) + np.log1p(change))
        [found] = compare([PairedMetric("latency", clusters, tolerance)])
        if found.verdict is not Verdict.INCONCLUSIVE:
            break
    return Counter({found.verdict.value: 1, "pairs": found.pairs})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3000)
    options = parser.parse_args()
    if options.record or not Path(RECORD).exists():
        record(options.pairs)
    with suppress(ValueError), np.load(RECORD) as kept:
        recorded = {name: kept[name] for name in kept.files}
    chance = random.Random(1)  # noqa: S311 - draws of pairs, not secrets
    rows = []
    for condition, calls in recorded.items():
        for metric in ("p50", "p95"):
            effects = [ratios(pair, metric) for pair in calls]
            spread = float(np.std([np.median(effect) for effect in effects])) * 100
            for change in (0.0, 0.02, 0.05, 0.08):
                runs = options.runs if change == 0.0 else options.runs // (3 if change == 0.05 else 10)
                total: Counter[str] = Counter()
                for _ in range(runs):
                    total += outcome(effects, change, Tolerance(0.02, 0.05), chance)
                rows.append(
                    {
                        "machine": condition,
                        "metric": metric,
                        "spread between pairs, %": round(spread, 2),
                        "really slower by": f"{change * 100:.0f} %",
                        "runs": runs,
                        **{
                            name: f"{total[name] / runs * 100:.2f} %"
                            for name in ("passed", "failed", "inconclusive")
                        },
                        "pairs, mean": round(total["pairs"] / runs, 1),
                    }
                )
    notes = "Process pairs of one build, resampled; ignore 2 %, forbid 5 %, error 1 %, false alarms 0.01 %."
    write("load_pairs", "Regression verdicts on recorded process pairs", notes, rows)


if __name__ == "__main__":
    main()
