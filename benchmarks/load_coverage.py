"""How often an interval that says 95 % holds the truth, on noise like that of shared machines.

    python benchmarks/load_coverage.py [--runs 1000]

Independent, correlated (neighbours 0.75), bursts of a neighbour (20 % of the time, 60 % slower) and drift (half
of the variance remembered over 50 requests). The truth is taken from 4 million requests of the same process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from load_report import write
from scipy.signal import lfilter

from pynomaly_itest.measure import Samples, statistic

STATISTICS = ("p50", "p95", "p99", "mean")
Noise = Callable[[np.random.Generator, int], np.ndarray]


def remembering(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    shocks = rng.normal(size=n + 1000) * np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1], [1, -rho], shocks)[1000:])


def bursting(rng: np.random.Generator, n: int) -> np.ndarray:
    lengths = rng.geometric(np.tile([1 / 100, 1 / 25], n // 40))
    state = np.repeat(np.tile([False, True], n // 40), lengths)[rng.integers(0, 100) :][:n]
    return np.asarray(np.exp(0.3 * rng.normal(size=n)) * np.where(state, 1.6, 1.0))


NOISES: dict[str, Noise] = {
    "independent": lambda rng, n: np.exp(0.5 * rng.normal(size=n)),
    "correlated": lambda rng, n: np.exp(0.5 * remembering(rng, n, 0.75)),
    "bursts": bursting,
    "drift": lambda rng, n: np.exp(0.3 * rng.normal(size=n) + 0.15 * remembering(rng, n, 0.98)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(7)
    rows = []
    for label, noise in NOISES.items():
        long_run = np.concatenate([noise(rng, 20_000) for _ in range(200)])
        truth = {name: statistic(Samples.of("x", long_run, "ms"), name).value for name in STATISTICS}
        for n in (1000, 5000, 20_000):
            held = dict.fromkeys(STATISTICS, 0)
            for _ in range(runs):
                samples = Samples.of("x", noise(rng, n), "ms")
                for name in STATISTICS:
                    found = statistic(samples, name)
                    low = -np.inf if found.low is None else found.low
                    high = np.inf if found.high is None else found.high
                    held[name] += low <= truth[name] <= high
            rows.append(
                {"noise": label, "requests": n, **{k: f"{v / runs * 100:.1f} %" for k, v in held.items()}}
            )
    notes = (
        f"{runs} runs each; 1,000 requests are 20 memories of the drift and 8 bursts: too short to know them."
    )
    write("load_coverage", "Coverage of 95 % intervals", notes, rows)


if __name__ == "__main__":
    main()
