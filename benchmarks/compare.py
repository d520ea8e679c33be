"""False alarms, power and duration of `compare`: on pairs of the bundled platform, and live on a server of known cost.

    python benchmarks/compare.py --record 24     pairs of the same platform build, kept (minutes)
    python benchmarks/compare.py --live 10       whole comparisons, each anew, of a server whose work is 0, 2, 5 % more
    python benchmarks/compare.py                 resample the recorded pairs: results/compare.json

A resampled comparison draws pairs, either build being the base; a slower candidate is a recorded one with every call
lengthened. The live server works by count and not by the clock, so that its factor is exact.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from load_report import RESULTS, write

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.live import LiveComparison
from pynomaly_itest.comparison.metrics import Metric, paired, wanted
from pynomaly_itest.comparison.outcome import Outcome, Terms
from pynomaly_itest.comparison.pairing import Pair
from pynomaly_itest.comparison.sides import Side, Started, side_of
from pynomaly_itest.comparison.subjects import subject_of
from pynomaly_itest.comparison.workload import Preparation, Question
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.measure import PairedMetric, Tolerance
from pynomaly_itest.measure.regression import compare
from pynomaly_itest.measure.sequential import next_look
from pynomaly_itest.profile.loader import load
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.shelf import Shelf
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.verdicts import Verdict

RECORD = RESULTS / "compare.npz"
METRICS = (
    Metric("cpu", "cpu"),
    Metric("p50", "p50", "predict"),
    Metric("p95", "p95", "predict"),
    Metric("throughput", "throughput"),
    Metric("memory", "memory"),
)
WORK = 100  # hashes an answer takes: about a millisecond, in which interpreters differ little
SERVER = """
import hashlib, socket, sys
rounds, block = int(sys.argv[1]), bytes(8 * 1024)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while connection.recv(65536):
        for _ in range(rounds):
            hashlib.sha256(block)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
"""


def started(rounds: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SERVER, str(rounds)], stdout=subprocess.PIPE, text=True)


class ServerSide(Side):
    """A server that does a certain amount of work for each answer; every pair a new process."""

    is_ours = True

    def __init__(self, label: str, rounds: int) -> None:
        self.label, self._rounds = label, rounds

    async def prepare(self, preparation: Preparation) -> None:
        """Nothing to prepare."""

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Started]:
        process = started(self._rounds)
        try:
            assert process.stdout is not None
            port = await asyncio.to_thread(process.stdout.readline)
            question = Question("work", "s", "w", Endpoint(path="/"))
            yield Started(Door(f"http://127.0.0.1:{int(port)}"), (question,), process.pid)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def record(pairs: int) -> None:
    """Pairs of the installed platform against itself, everything measured in each."""
    plan = load(["compare"])
    redactor = Redactor()
    one, other = (side_of(subject_of("bundled"), Credentials(), redactor) for _ in range(2))
    terms = Terms(
        wanted(",".join(metric.kind for metric in METRICS), [], []),
        budget_s=86_400,
        most_pairs=pairs,
        always_all=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        preparation = Preparation(plan, Shelf(plan.datasets).take, Path(folder), 42, "benchmark")
        live = LiveComparison((one, other), terms, say=lambda text: print(text, flush=True))
        outcome = asyncio.run(live.run(preparation))
    shortest = min(pair.latency_ms["predict"].shape[1] for pair in outcome.pairs)
    np.savez_compressed(
        RECORD,
        predict=np.stack([pair.latency_ms["predict"][:, :shortest] for pair in outcome.pairs]).astype(
            np.float32
        ),
        rates=np.stack([pair.rates[""] for pair in outcome.pairs]),
        cpu=even([np.asarray(pair.figures["cpu"]) for pair in outcome.pairs if "cpu" in pair.figures]),
        memory=np.array([pair.figures["memory"] for pair in outcome.pairs]),
        pair_s=np.array(outcome.pair_s),
        stalled=np.array(outcome.stalled_share if outcome.stalled_share is not None else np.nan),
    )


def even(slices: list[Any]) -> Any:
    """As many slices of every pair."""
    shortest = min((each.shape[1] for each in slices), default=0)
    return np.array([each[:, :shortest] for each in slices])


def recorded() -> tuple[list[Pair], float, float]:
    with np.load(RECORD) as kept:
        pairs = [
            Pair(
                {"predict": kept["predict"][number].astype(np.float64)},
                {"": kept["rates"][number]},
                {name: tuple(kept[name][number]) for name in ("cpu", "memory") if number < len(kept[name])},
            )
            for number in range(len(kept["predict"]))
        ]
        return pairs, float(kept["pair_s"].mean()), float(kept["stalled"])


def resampled(
    effects: list[Any], worse: int, change: float, tolerance: Tolerance, chance: random.Random
) -> Counter[str]:
    """One comparison on drawn pairs; either build may be the base."""
    clusters: list[Any] = []
    while (look := next_look(len(clusters))) is not None:
        while len(clusters) < look:
            clusters.append(chance.choice((1, -1)) * chance.choice(effects) + worse * np.log1p(change))
        direction = "higher" if worse > 0 else "lower"
        [found] = compare([PairedMetric("m", clusters, tolerance, direction)])  # type: ignore[arg-type]
        if found.verdict is not Verdict.INCONCLUSIVE:
            break
    return Counter({found.verdict.value: 1, "pairs": found.pairs})


def resample(runs: int) -> None:
    pairs, pair_s, stalled = recorded()
    chance = random.Random(1)  # noqa: S311 - draws of pairs, not secrets
    tolerance, rows = Tolerance(0.02, 0.05), []
    for metric in METRICS:
        series = paired(metric, pairs, tolerance)
        effects = list(series.clusters)
        worse = 1 if series.worse == "higher" else -1
        spread = float(np.std([np.median(effect) for effect in effects], ddof=1)) * 100
        for change in (0.0, 0.05, 0.08):
            count = runs if change == 0.0 else runs // 10
            total: Counter[str] = Counter()
            for _ in range(count):
                total += resampled(effects, worse, change, tolerance, chance)
            rows.append(
                {
                    "metric": metric.name,
                    "spread between pairs, %": round(spread, 2),
                    "really worse by": f"{change:.0%}",
                    "runs": count,
                    **{name: f"{total[name] / count:.2%}" for name in ("passed", "failed", "inconclusive")},
                    "pairs, mean": round(total["pairs"] / count, 1),
                    "seconds, mean": round(total["pairs"] / count * pair_s),
                }
            )
    notes = (
        f"{len(pairs)} pairs of the bundled platform against itself, {pair_s:.1f} s each, recorded while other work "
        f"ran on the machine (some process waited for a processor in {stalled:.0%} of the time). ignore 2 %, "
        f"forbid 5 %, error 1 %.{priority()}"
    )
    write("compare", "Verdicts of compare on recorded pairs of the platform", notes, rows)


def one_live(change: float) -> tuple[Outcome, float]:
    sides = (ServerSide("base", WORK), ServerSide("candidate", round(WORK * (1 + change))))
    terms = Terms(wanted("p50", [], []), budget_s=60.0, asking_s=1.0, seed=random.randrange(1 << 30))  # noqa: S311
    begun = time.monotonic()
    outcome = asyncio.run(LiveComparison(sides, terms).run(cast(Preparation, None)))
    return outcome, time.monotonic() - begun


def live(times: int) -> None:
    rows = []
    for change, count in ((0.0, times), (0.02, max(1, times // 2)), (0.05, times)):
        found: Counter[str] = Counter()
        estimates, seconds, stalled = [], [], []
        for number in range(count):
            outcome, took_s = one_live(change)
            found[outcome.verdict.value] += 1
            estimates.append(outcome.judged[0].conclusion.change * 100)
            seconds.append(took_s)
            stalled.append(outcome.stalled_share or 0.0)
            print(change, number, outcome.verdict, f"{estimates[-1]:+.2f} % {took_s:.0f} s", flush=True)
        rows.append(
            {
                "really slower by": f"{change:.0%}",
                "runs": count,
                **{name: found[name] for name in ("passed", "failed", "inconclusive")},
                "estimate, %": f"{np.mean(estimates):.2f} (SD {np.std(estimates):.2f})",
                "seconds, median": round(float(np.median(seconds)), 1),
                "seconds, longest": round(max(seconds), 1),
                "waited for a processor": f"{np.mean(stalled):.0%}",
            }
        )
    cores = len(os.sched_getaffinity(0))
    notes = (
        f"Whole comparisons of p50, each with fresh processes, {cores} cores shared with other work. A server of about "
        f"1 ms whose work is more by the factor named; ignore 2 %, forbid 5 %, error 1 %, at most 60 s.{priority()}"
    )
    write("compare_live", "Live verdicts of compare on a server of known cost", notes, rows)


def priority() -> str:
    """What others on a busy machine got to do with the figures."""
    nice = os.nice(0)
    return f" Run at nice {nice}: the neighbours had to wait more than usual." if nice < 0 else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=int, metavar="PAIRS")
    parser.add_argument("--live", type=int, metavar="TIMES")
    parser.add_argument("--runs", type=int, default=3000)
    options = parser.parse_args()
    if options.record:
        record(options.record)
    if options.live:
        live(options.live)
    elif RECORD.exists():
        resample(options.runs)


if __name__ == "__main__":
    main()
