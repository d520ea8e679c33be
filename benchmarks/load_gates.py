"""Gates whose limits lie 10 % below and above the true value: which verdicts they come to, and after how much.

    python benchmarks/load_gates.py [--runs 100] [--processes 2] [--live 100]    (0: not that part)

Simulated: on each noise of load_coverage, as `until: decided` samples: 200 requests (5 s at 40/s, as the performance
profile begins), then 400, 800 and so on, each look alone and at half of the error that is left. The profile has time
for two looks; the others say how many requests it would take. Failures are 3 % of all, the rate is of requests made
one after another.

Live: a server on loopback that answers after 20 to 30 ms, evenly drawn, by the load engine: 500 requests a run. The
true quantiles and mean are of what the server itself recorded in all runs.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from load_coverage import NOISES, failing, failure_ratio, truths
from load_report import write
from load_truth import load, serving

from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import Samples, statistic
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.verdicts import Verdict

FIGURES = ("p50", "p95", "p99", "mean", "rate", "failures")
FIRST, LOOKS, IN_THE_PROFILE = 200, 12, 2
SIDES = {"10 % below": 0.9, "10 % above": 1.1}
LIVE_RATE, LIVE_S = 200, 2.5


def gate(figure: str, limit: float) -> str:
    name = {"rate": "x.rate", "failures": "x.failures"}.get(figure, f"x.latency_ms.{figure}")
    return f"{name} {'>=' if figure == 'rate' else '<='} {limit:.9g}"


def right_verdict(figure: str, factor: float) -> Verdict:
    """At most 10 % above the truth holds; at least 10 % above it does not."""
    return Verdict.PASSED if (factor > 1) != (figure == "rate") else Verdict.FAILED


def observed(noise: str, figure: str, rng: np.random.Generator, n: int, error_share: float) -> dict[str, Any]:
    """What a step would save of n requests."""
    if figure == "failures":
        failed = failing(noise, rng, n)
        return {"failures": lambda confidence: failure_ratio(failed, 1 - (1 - confidence) * error_share)}
    values = NOISES[noise](rng, n)
    samples = Samples.of("latency_ms", values, "ms", error_share=error_share)
    if figure != "rate":
        return {"latency_ms": samples}
    ends_s = np.cumsum(values)
    done = Samples.of(
        "rate", values, "1", times_s=ends_s, duration_s=float(ends_s[-1]), error_share=error_share
    )
    return {"rate": lambda confidence: statistic(done, "rate", confidence=done.confidence(confidence))}


def decided(noise: str, figure: str, text: str, rng: np.random.Generator) -> tuple[Verdict, int]:
    """The verdict, and at which look (from 1) it fell."""
    share = 1.0
    for look in range(1, LOOKS + 1):
        share /= 2
        values = observed(noise, figure, rng, FIRST * 2 ** (look - 1), share)
        verdict = judge_condition(parse(text), {"x": values}).verdict
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, look
    return Verdict.INCONCLUSIVE, LOOKS


def simulated(noise: str, figure: str, runs: int) -> dict[str, Any]:
    truth = truths(noise, np.random.default_rng(7))[figure]
    found: dict[str, list[tuple[str, int]]] = {}
    for side, factor in SIDES.items():
        rng = np.random.default_rng([8, len(found)])
        text = gate(figure, truth * factor)
        judged = [decided(noise, figure, text, rng) for _ in range(runs)]
        right = right_verdict(figure, factor)
        found[side] = [(verdict_word(verdict, right), look) for verdict, look in judged]
    return {"noise": noise, "figure": figure, "sides": found}


def verdict_word(verdict: Verdict, right: Verdict) -> str:
    return "open" if verdict is Verdict.INCONCLUSIVE else "right" if verdict is right else "wrong"


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of both sides together: in the profile's time, at the end, and requests of the look that decides 90 %."""
    row: dict[str, Any] = {"noise": found["noise"], "figure": found["figure"]}
    everything = [pair for side in found["sides"].values() for pair in side]
    early = Counter(word if look <= IN_THE_PROFILE else "open" for word, look in everything)
    row["of"] = len(everything)
    row["wrong, 200 to 400 requests"] = early["wrong"]
    row["inconclusive, 200 to 400 requests"] = early["open"]
    row["wrong, to the end"] = sum(word == "wrong" for word, _ in everything)
    row["inconclusive, at the end"] = sum(word == "open" for word, _ in everything)
    needed = []
    for side in found["sides"].values():
        looks = sorted(LOOKS + 1 if word == "open" else look for word, look in side)
        needed.append(looks[int(np.ceil(0.9 * len(looks))) - 1])
    enough = max(needed)
    row["requests that decide 90 % of each side"] = FIRST * 2 ** (enough - 1) if enough <= LOOKS else "more"
    return row


def live(runs: int) -> list[dict[str, Any]]:
    """As many loads; every one is held against all limits, which the server's own record sets afterwards."""
    loads, spent_ms = [], []
    for number in range(runs):
        with serving("delay", "--ms", "20", "--spread", "10", "--seed", str(number)) as server:
            loads.append(load(server.url, LIVE_RATE, LIVE_S + 0.5, warm_up_s=0.5).metrics)
        spent_ms.append(server.saw["ms"])
    record = np.concatenate(spent_ms)
    truth = {name: float(np.quantile(record, int(name[1:]) / 100)) for name in ("p50", "p95", "p99")}
    truth |= {"mean": float(record.mean()), "rate": float(LIVE_RATE)}
    rows = []
    for figure, value in truth.items():
        words = Counter(
            verdict_word(
                judge_condition(parse(gate(figure, value * factor)), {"x": metrics}).verdict,
                right_verdict(figure, factor),
            )
            for metrics in loads
            for factor in SIDES.values()
        )
        rows.append(
            {
                "figure": figure,
                "of": words.total(),
                "wrong": words["wrong"],
                "inconclusive": words["open"],
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--live", type=int, default=100)
    asked = parser.parse_args()
    if asked.runs:
        write_simulated(asked.runs, asked.processes)
    if asked.live:
        rows = live(asked.live)
        notes = f"{asked.live} loads of 500 requests, each held against all limits; judged at 95 %."
        write("load_gates_live", "Gates 10 % below and above the true value, of a live server", notes, rows)


def write_simulated(runs: int, processes: int) -> None:
    cells = [(noise, figure) for noise in NOISES for figure in FIGURES]
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(simulated, *zip(*cells, strict=True), [runs] * len(cells)))
    counted = [word for row in found for side in row["sides"].values() for word, _ in side]
    notes = (
        f"Judged at 95 %, the error shared among the looks; {runs} runs of each side. Of {len(counted)} gates "
        f"{counted.count('wrong')} came to the wrong verdict; of a limit next to the truth 2.5 % may. What 200 to 400 "
        "requests can't tell is inconclusive: the last column says how many it takes, each look alone."
    )
    rows = [shown(row) for row in found]
    write("load_gates", "Gates 10 % below and above the true value", notes, rows, cells=found)


if __name__ == "__main__":
    main()
