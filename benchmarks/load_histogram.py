"""The histogram: cost of recording in batches and of merging, and the worst error of a quantile.

python benchmarks/load_histogram.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from load_report import write

from pynomaly_itest.measure import Histogram

BATCH, BATCHES = 8192, 200


def main() -> None:
    rng = np.random.default_rng(0)
    batches = [rng.lognormal(2, 1.5, BATCH) for _ in range(BATCHES)]
    record_ns, merge_us, worst = [], [], 0.0
    for _ in range(7):
        histogram = Histogram()
        begun = time.process_time_ns()
        for batch in batches:
            histogram.record(batch)
        record_ns.append((time.process_time_ns() - begun) / BATCH / BATCHES)
        other = Histogram()
        other.record(batches[0])
        begun = time.process_time_ns()
        for _ in range(100):
            histogram.merge(other)
        merge_us.append((time.process_time_ns() - begun) / 100 / 1000)
    halves = [Histogram(), Histogram()]
    whole = Histogram()
    for number, batch in enumerate(batches):
        halves[number % 2].record(batch)
        whole.record(batch)
    halves[0].merge(halves[1])
    ordered = np.sort(np.concatenate(batches))
    for rank in np.unique(np.geomspace(1, ordered.size, 3000).astype(int)):
        worst = max(worst, abs(whole.at_rank(int(rank)) / ordered[rank - 1] - 1))
    rows = [
        {
            "what": "recording, ns a sample (batches of 8192)",
            "figure": statistics.median(record_ns),
            "at most": 20,
        },
        {"what": "merging two, µs", "figure": statistics.median(merge_us), "at most": "-"},
        {"what": "worst error of 3,000 quantiles, %", "figure": worst * 100, "at most": 0.05},
        {
            "what": "merged in halves equals recorded as a whole",
            "figure": str(bool(np.array_equal(whole.counts, halves[0].counts))),
            "at most": "exact",
        },
    ]
    write(
        "load_histogram",
        "Histogram of latencies",
        "1.6 million log-normal values, medians of 7 rounds.",
        rows,
    )


if __name__ == "__main__":
    main()
