"""False alarms, power and duration of `compare`: on pairs of the platform, and live on a server of known cost.

    python benchmarks/compare.py --record 24     pairs of one platform build, kept: as the machine is, and disturbed
    python benchmarks/compare.py --live          whole comparisons of a server of known cost (see compare_live.py)
    python benchmarks/compare.py                 resample the recorded pairs: results/compare.json

A resampled comparison draws pairs, either build being the base; a slower candidate is a recorded one with every call
lengthened. Disturbed: a neighbour works in bursts on the core of the two builds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from compare_live import ROWS, live
from load_pairs import neighbour
from load_report import RESULTS, write

from pynomaly_itest.comparison.live import LiveComparison
from pynomaly_itest.comparison.metrics import Metric, paired, wanted
from pynomaly_itest.comparison.outcome import Outcome, Terms
from pynomaly_itest.comparison.pairing import Pair
from pynomaly_itest.comparison.pressure import BUSY
from pynomaly_itest.comparison.sides import side_of
from pynomaly_itest.comparison.subjects import subject_of
from pynomaly_itest.comparison.workload import Preparation
from pynomaly_itest.measure import PairedMetric, Tolerance
from pynomaly_itest.measure.regression import compare
from pynomaly_itest.measure.sequential import next_look
from pynomaly_itest.profile.loader import load
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.shelf import Shelf
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.verdicts import Verdict

RECORD = RESULTS / "compare.npz"
KEYS = ("predict", "rates", "cpu", "memory", "pair_s", "stalled", "waited")
METRICS = (
    Metric("cpu", "cpu"),
    Metric("p50", "p50", "predict"),
    Metric("p95", "p95", "predict"),
    Metric("throughput", "throughput"),
    Metric("memory", "memory"),
)


def record(pairs: int) -> None:
    """Pairs of the installed platform against itself, everything measured in each; what is kept of others stays."""
    kept: dict[str, Any] = {}
    if RECORD.exists():
        with np.load(RECORD) as before:
            kept = {name: before[name] for name in before.files}
    core = max(os.sched_getaffinity(0))
    for disturbed in (False, True):
        with neighbour(core, present=disturbed):
            outcome = compared(pairs)
        stalled = outcome.stalled_share if outcome.stalled_share is not None else float("nan")
        condition = "disturbed" if disturbed else "busy" if stalled > BUSY else "quiet"
        print(f"{condition}: somebody waited for a processor in {stalled:.0%} of the time", flush=True)
        kept = {name: of for name, of in kept.items() if not name.startswith(f"{condition}.")}
        kept |= {f"{condition}.{name}": of for name, of in arrays(outcome, stalled).items()}
        np.savez_compressed(RECORD, **kept)


def compared(pairs: int) -> Outcome:
    plan = load(["compare"])
    redactor = Redactor()
    one, other = (side_of(subject_of("bundled"), Credentials(), redactor) for _ in range(2))
    kinds = wanted(",".join(metric.kind for metric in METRICS), [], [])
    terms = Terms(kinds, budget_s=86_400, most_pairs=pairs, always_all=True)
    with tempfile.TemporaryDirectory() as folder:
        preparation = Preparation(plan, Shelf(plan.datasets).take, Path(folder), 42, "benchmark")
        live = LiveComparison((one, other), terms, say=lambda text: print(text, flush=True))
        return asyncio.run(live.run(preparation))


def arrays(outcome: Outcome, stalled: float) -> dict[str, Any]:
    """What is kept of one condition."""
    shortest = min(pair.latency_ms["predict"].shape[1] for pair in outcome.pairs)
    calls = [pair.latency_ms["predict"][:, :shortest] for pair in outcome.pairs]
    return {
        "predict": np.stack(calls).astype(np.float32),
        "rates": even([pair.rates[""] for pair in outcome.pairs]),
        "cpu": even([np.asarray(pair.figures["cpu"]) for pair in outcome.pairs if "cpu" in pair.figures]),
        "memory": np.array([pair.figures["memory"] for pair in outcome.pairs]),
        "pair_s": np.array(outcome.pair_s),
        "stalled": np.array(stalled),
        "waited": even([pair.waiting["predict"] for pair in outcome.pairs]),
    }


def even(slices: list[Any]) -> Any:
    """As many slices of every pair."""
    shortest = min((each.shape[-1] for each in slices), default=0)
    return np.array([each[..., :shortest] for each in slices])


@dataclass(frozen=True)
class Recorded:
    """The pairs of one condition. stalled: the share of the time in which somebody waited for a processor."""

    pairs: list[Pair]
    pair_s: float
    stalled: float


def recorded() -> dict[str, Recorded]:
    """By condition: quiet or busy, and disturbed."""
    with np.load(RECORD) as kept:
        conditions = dict.fromkeys(name.partition(".")[0] for name in kept.files)
        return {name: _recorded({key: kept[f"{name}.{key}"] for key in KEYS}) for name in conditions}


def _recorded(kept: dict[str, Any]) -> Recorded:
    pairs = [
        Pair(
            {"predict": kept["predict"][number].astype(np.float64)},
            {"": kept["rates"][number]},
            {name: tuple(kept[name][number]) for name in ("cpu", "memory") if number < len(kept[name])},
            waiting={"predict": kept["waited"][number]},
        )
        for number in range(len(kept["predict"]))
    ]
    return Recorded(pairs, float(kept["pair_s"].mean()), float(kept["stalled"]))


def resampled(series: PairedMetric, worse: int, change: float, chance: random.Random) -> Counter[str]:
    """One comparison on drawn pairs; either build may be the base."""
    effects = list(series.clusters)
    clusters: list[Any] = []
    while (look := next_look(len(clusters))) is not None:
        while len(clusters) < look:
            clusters.append(chance.choice((1, -1)) * chance.choice(effects) + worse * np.log1p(change))
        [found] = compare([replace(series, clusters=clusters)])
        if found.verdict is not Verdict.INCONCLUSIVE:
            break
    return Counter({found.verdict.value: 1, "pairs": found.pairs})


def resample(runs: int) -> None:
    """False alarms, power and what stays open, of each metric under each condition that was recorded."""
    found = recorded()
    rows = [
        row
        for condition, of in found.items()
        for metric in METRICS
        for row in _rows(condition, of, metric, runs)
    ]
    told = "; ".join(
        f"{name}: {len(of.pairs)} pairs of {of.pair_s:.1f} s, some process waited for a processor in {of.stalled:.0%} "
        "of the time"
        for name, of in found.items()
    )
    notes = (
        f"Pairs of the bundled platform against itself, resampled. {told}. ignore 2 %, forbid 5 %; error 1 % of "
        f"passing what is forbidden, 0.01 % of failing what is not worse.{priority()}"
    )
    write("compare", "Verdicts of compare on recorded pairs of the platform", notes, rows)


def _rows(condition: str, of: Recorded, metric: Metric, runs: int) -> Iterator[dict[str, Any]]:
    tolerance = Tolerance(0.02, 0.05)
    series = paired(metric, of.pairs, tolerance)
    if not series.clusters:
        return
    worse = 1 if series.worse == "higher" else -1
    spread = float(np.std([np.median(effect) for effect in series.clusters], ddof=1)) * 100
    chance = random.Random(f"{condition} {metric.name}")  # noqa: S311 - draws of pairs, not secrets
    for change in (0.0, 0.05, 0.08):
        count = runs if change == 0.0 else runs // (3 if change == tolerance.forbid else 10)
        total: Counter[str] = Counter()
        for _ in range(count):
            total += resampled(series, worse, change, chance)
        yield {
            "machine": condition,
            "metric": metric.name,
            "spread between pairs, %": f"{spread:.2f}",
            "waited, %": f"{series.waiting_share * 100:.2f}",
            "really worse by": f"{change:.0%}",
            "runs": count,
            **{name: f"{total[name] / count:.2%}" for name in ("passed", "failed", "inconclusive")},
            "pairs, mean": round(total["pairs"] / count, 1),
            "seconds, mean": round(total["pairs"] / count * of.pair_s),
        }


def priority() -> str:
    """What others on a busy machine got to do with the figures."""
    nice = os.nice(0)
    return f" Run at nice {nice}: the neighbours had to wait more than usual." if nice < 0 else ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", type=int, metavar="PAIRS")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--only", default="", metavar="ROWS", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--times", type=int, help="comparisons of each row, in place of its own number")
    parser.add_argument("--fresh", action="store_true", help="don't go on where an earlier --live stopped")
    parser.add_argument("--runs", type=int, default=3000)
    options = parser.parse_args()
    if options.record:
        record(options.record)
    if options.live:
        live(list(filter(None, options.only.split(","))), options.times, fresh=options.fresh)
    elif RECORD.exists():
        resample(options.runs)


if __name__ == "__main__":
    main()
