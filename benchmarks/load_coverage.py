"""How often an interval that says 95 % holds the truth, on noise like that of shared machines.

    python benchmarks/load_coverage.py [--runs 1000] [--processes 2]

Independent, correlated (neighbours 0.75), bursts of a neighbour (20 % of the time, 60 % slower) and drift (a fifth
of the variance, remembered over 50 requests). Failures come with a chance that follows the same: 3 % on average.
The truth is taken from 4 million requests of the same process. rate: of requests made one after another.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from load_report import write
from scipy.signal import lfilter
from scipy.special import ndtr

from pynomaly_itest.measure import Estimate, Samples, proportion, statistic
from pynomaly_itest.measure.correlation import inflation

STATISTICS = ("p50", "p95", "p99", "mean")
FIGURES = (*STATISTICS, "stddev", "rate", "failures")
REQUESTS = (1000, 5000, 20_000)
Noise = Callable[[np.random.Generator, int], np.ndarray]


def remembering(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    shocks = rng.normal(size=n + 1000) * np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1], [1, -rho], shocks)[1000:])


def in_burst(rng: np.random.Generator, n: int) -> np.ndarray:
    """Whether the neighbour is busy: 25 requests at a time, 100 apart."""
    lengths = rng.geometric(np.tile([1 / 100, 1 / 25], n // 40 + 4))
    state = np.repeat(np.tile([False, True], n // 40 + 4), lengths)
    return np.asarray(state[rng.integers(0, 100) :][:n])


def bursting(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.asarray(np.exp(0.3 * rng.normal(size=n)) * np.where(in_burst(rng, n), 1.6, 1.0))


NOISES: dict[str, Noise] = {
    "independent": lambda rng, n: np.exp(0.5 * rng.normal(size=n)),
    "correlated": lambda rng, n: np.exp(0.5 * remembering(rng, n, 0.75)),
    "bursts": bursting,
    "drift": lambda rng, n: np.exp(0.3 * rng.normal(size=n) + 0.15 * remembering(rng, n, 0.98)),
}
CHANCES: dict[str, Noise] = {
    "independent": lambda rng, n: np.full(n, 0.03),
    "correlated": lambda rng, n: ndtr(-1.88 * math.sqrt(2) + remembering(rng, n, 0.75)),
    "bursts": lambda rng, n: np.where(in_burst(rng, n), 0.11, 0.01),
    "drift": lambda rng, n: ndtr(-1.88 * math.sqrt(1.25) + 0.5 * remembering(rng, n, 0.98)),
}
"""Of each request, to fail."""


def failing(noise: str, rng: np.random.Generator, n: int) -> np.ndarray:
    return np.asarray(rng.random(n) < CHANCES[noise](rng, n))


def failure_ratio(failed: np.ndarray, confidence: float = 0.95) -> Estimate:
    """As a load's `error_ratio` is made."""
    count, effective = int(failed.sum()), None
    if 0 < count < failed.size:
        effective = failed.size / inflation(failed.astype(float), confidence=confidence)
    return proportion(count, failed.size, confidence=confidence, n_effective=effective)


def truths(noise: str, rng: np.random.Generator) -> dict[str, float]:
    long_run = np.concatenate([NOISES[noise](rng, 20_000) for _ in range(200)])
    found = dict(zip(("p50", "p95", "p99"), np.quantile(long_run, (0.5, 0.95, 0.99)).tolist(), strict=True))
    mean = float(long_run.mean())
    failures = float(np.mean([failing(noise, rng, 20_000).mean() for _ in range(200)]))
    return {**found, "mean": mean, "stddev": float(long_run.std()), "rate": 1 / mean, "failures": failures}


def estimates(noise: str, rng: np.random.Generator, n: int) -> dict[str, Estimate]:
    values = NOISES[noise](rng, n)
    ends = np.cumsum(values)
    samples = Samples.of("x", values, "ms", times_s=ends, duration_s=float(ends[-1]))
    found = {name: statistic(samples, name) for name in FIGURES if name != "failures"}
    return {**found, "failures": failure_ratio(failing(noise, rng, n))}


def cell(noise: str, n: int, runs: int) -> dict[str, Any]:
    """Of each figure: how often its interval held the truth, how often it had no end, and its median width."""
    truth = truths(noise, np.random.default_rng(7))
    rng = np.random.default_rng([7, n])
    held, endless = dict.fromkeys(FIGURES, 0), dict.fromkeys(FIGURES, 0)
    widths: dict[str, list[float]] = {name: [] for name in FIGURES}
    for _ in range(runs):
        for name, found in estimates(noise, rng, n).items():
            low = -math.inf if found.low is None else found.low
            high = math.inf if found.high is None else found.high
            held[name] += low <= truth[name] <= high
            endless[name] += math.isinf(high - low)
            widths[name].append((high - low) / truth[name])
    median = {name: float(np.median(found)) for name, found in widths.items()}
    return {"noise": noise, "requests": n, "held": held, "endless": endless, "width": median, "runs": runs}


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table: coverage in %, and (from 2 %) how many intervals have no upper end."""
    row: dict[str, Any] = {"noise": found["noise"], "requests": found["requests"]}
    for name in FIGURES:
        endless = found["endless"][name] / found["runs"]
        row[name] = f"{found['held'][name] / found['runs'] * 100:.1f} %"
        if endless >= 0.02:
            row[name] += f" ({endless * 100:.0f} % open)"
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    cells = [(noise, n) for noise in NOISES for n in REQUESTS]
    with ProcessPoolExecutor(asked.processes) as pool:
        found = list(pool.map(cell, *zip(*cells, strict=True), [asked.runs] * len(cells)))
    chance = 196 * math.sqrt(0.05 * 0.95 / asked.runs)
    notes = (
        f"{asked.runs} runs each: a coverage of 95 % shows as 95 ± {chance:.1f}. 1,000 requests are 20 memories of the "
        "drift and 8 bursts: where they can't tell, an interval has no end (open), and judges nothing."
    )
    rows = [shown(row) for row in found]
    write("load_coverage", "Coverage of 95 % intervals", notes, rows, cells=found)


if __name__ == "__main__":
    main()
