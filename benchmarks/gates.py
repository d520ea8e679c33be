"""Gates on a p95 over a library of processes: verdicts beside those of a test that knows the process.

    python benchmarks/gates.py [--runs 150] [--processes 2] [--name gates] [--courses 0] [--live 0]

Simulated: "p95 <= 100 ms" on series of `gate_processes`. The oracle knows how the slow answers come about: it holds
their count against the counts that the same process gives where just 5 % are slow, at the same 95 %. Coverage: with
just 5 % slow, any verdict is wrong by a hair, so an honest judge gives none in 95 of 100 runs. A series can't be
judged where even for the oracle it is worth fewer independent samples than certify a p95 at all (59, at 95 %): those
rows are told apart. Samples to decide: as many as the oracle needs to be right in 90 of 100 runs, and 1.5 times that.

Courses (`--courses N`): the same through the looks of `until: decided`, error and time over all looks together.

Live (`--live N`, so many runs each): a server on loopback that answers in 2 ms and, independently, one request in
12, or in 100, in 400 ms; 40 requests a second by the command line, `until: decided`, at most 30 s.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from gate_processes import LIBRARY, LIMIT_MS, RATE, latencies, slow_ones
from load_report import write

from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import Samples, judge_quantile
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.steps.looks import Looks, until_next_look
from pynomaly_itest.verdicts import Verdict

ALLOWED = 0.05
SHARES = (0.01, 0.02, 0.05, 0.1, 0.15)
REQUESTS = (400, 1200, 4000)
WORTH = 59
ORACLE_RUNS = 400
FARTHER = (0.01, 0.1)
MOST = 4000
FIRST_LOOK_S, AT_MOST_S = 5.0, 30.0
Found = dict[str, Any]


def judged(name: str, n: int, share: float, runs: int, seed: int) -> Counter[str]:
    """The verdicts of so many runs."""
    rng = np.random.default_rng([seed, n, round(1000 * share)])
    found: Counter[str] = Counter()
    for _ in range(runs):
        values = latencies(name, rng, 1, n, share)[0]
        verdict = judge_quantile(Samples.of("latency_ms", values, "ms"), 1 - ALLOWED, "<=", LIMIT_MS).verdict
        found[verdict.value] += 1
    return found


class Oracle:
    """Holds the count of slow answers against its distribution where just 5 % are slow."""

    def __init__(self, name: str, n: int) -> None:
        self.name, self.n = name, n
        counts = self._counts(ALLOWED, ORACLE_RUNS)
        self.low, self.high = np.quantile(counts, [0.025, 0.975])
        independent = n * ALLOWED * (1 - ALLOWED)
        self.worth = n / max(float(counts.var()) / independent, 1.0)

    def decides(self, share: float) -> float:
        """How often it comes to the right verdict."""
        counts = self._counts(share, ORACLE_RUNS // 2)
        return float((counts > self.high).mean() if share > ALLOWED else (counts < self.low).mean())

    def _counts(self, share: float, runs: int) -> np.ndarray:
        rng = np.random.default_rng([2, self.n, round(1000 * share)])
        return np.asarray(slow_ones(self.name, rng, runs, self.n, share)[1].sum(axis=1))


def cell(name: str, n: int, runs: int) -> Found:
    oracle = Oracle(name, n)
    few = max(20, runs // 5)
    found = {str(share): judged(name, n, share, runs if share == ALLOWED else few, 1) for share in SHARES}
    knows = {str(share): oracle.decides(share) for share in SHARES if share != ALLOWED}
    return {"process": name, "requests": n, "worth": oracle.worth, "ours": found, "oracle": knows}


def needs(name: str, share: float, runs: int) -> Found:
    """The fewest requests with which the oracle is right in 90 of 100 runs, and how often we are with those."""
    n = 60.0
    while n <= MOST and Oracle(name, round(n)).decides(share) < 0.9:
        n *= 1.3
    if n > MOST:
        return {"process": name, "share": share, "requests": None}
    right = Verdict.FAILED if share > ALLOWED else Verdict.PASSED
    ours = [judged(name, round(n * more), share, runs, 3)[right.value] / runs for more in (1, 1.5, 2)]
    return {"process": name, "share": share, "requests": round(n), "ours": ours}


def shown(found: Mapping[str, Any]) -> Found:
    """Right verdicts in %, ours and (the oracle's); wrong ones at the limit itself."""
    row: Found = {"process": found["process"], "requests": found["requests"], "worth": round(found["worth"])}
    for share in SHARES:
        verdicts = found["ours"][str(share)]
        total = sum(verdicts.values())
        if share == ALLOWED:
            row["coverage"] = f"{100 * verdicts.get('inconclusive', 0) / total:.1f} %"
            continue
        right = verdicts.get("failed" if share > ALLOWED else "passed", 0)
        row[f"{100 * share:g} % slow"] = (
            f"{100 * right / total:.0f} ({100 * found['oracle'][str(share)]:.0f})"
        )
    row["wrong"] = wrong(found)
    return row


def wrong(found: Mapping[str, Any]) -> int:
    """Verdicts on the wrong side of a limit that is not next to the truth."""
    sides = ((share, "passed" if share > ALLOWED else "failed") for share in SHARES if share != ALLOWED)
    return int(sum(found["ours"][str(share)].get(word, 0) for share, word in sides))


def simulated(runs: int, processes: int, name: str) -> None:
    cells = [(process, n) for process in LIBRARY for n in REQUESTS]
    farther = [(process, share) for process in LIBRARY for share in FARTHER]
    with ProcessPoolExecutor(processes) as pool:
        times = [runs // 3 if n > 2000 else runs for _, n in cells]
        found = list(pool.map(cell, *zip(*cells, strict=True), times))
        needed = list(pool.map(needs, *zip(*farther, strict=True), [max(20, runs // 5)] * len(farther)))
    can, cannot = ([row for row in found if (row["worth"] >= WORTH) is side] for side in (True, False))
    notes = (
        f"{runs} runs at the limit (a third of 4,000 requests), a fifth elsewhere; right verdicts in %, the oracle's "
        f"in brackets. {_summary(can)} `worth`: independent samples that the oracle's are worth."
    )
    columns = [shown(row) for row in can]
    write(
        name,
        "Gates on a p95, beside a test that knows the process",
        notes,
        columns,
        cells=found,
        needed=needed,
    )
    hopeless = f"Worth fewer than {WORTH} samples: not even who knows the process can certify a p95. {_summary(cannot)}"
    write(f"{name}_hopeless", "Series that nobody can judge", hopeless, [shown(row) for row in cannot])
    rows = [_needs_row(row) for row in needed]
    write(f"{name}_needed", "Samples to decide", "Right verdicts in %.", rows)


def _summary(rows: Sequence[Found]) -> str:
    judgements = sum(sum(row["ours"][str(s)].values()) for row in rows for s in SHARES if s != ALLOWED)
    at_limit = [row["ours"][str(ALLOWED)] for row in rows]
    covered = [each.get("inconclusive", 0) / sum(each.values()) for each in at_limit]
    if not covered:
        return "None."
    errors = sum(wrong(row) for row in rows)
    return (
        f"Of {judgements} gates off the limit {errors} were judged wrongly, {1e4 * errors / judgements:.1f} of 10,000; "
        f"coverage at the limit {100 * float(np.mean(covered)):.1f} % on average, {100 * min(covered):.1f} % at least."
    )


def _needs_row(found: Found) -> Found:
    row: Found = {"process": found["process"], "slow": f"{100 * found['share']:g} %"}
    if found["requests"] is None:
        return row | {"oracle needs": f"over {MOST}", "ours": "–", "1.5 times": "–", "twice": "–"}
    ours = [f"{100 * share:.0f}" for share in found["ours"]]
    return (
        row
        | {"oracle needs": found["requests"]}
        | dict(zip(("ours", "1.5 times", "twice"), ours, strict=True))
    )


def course(one_in: float, bulk: str, seed: int) -> tuple[str, float]:
    """The verdict of a load that goes on until it is decided, at 40/s for 5 to 30 s, and after how many seconds.

    Slow answers come independently, one in so many; looks and verdicts are the tool's own.
    """
    rng = np.random.default_rng([seed, round(100 * one_in)])
    values = latencies(f"{bulk} / independent", rng, 1, round(RATE * AT_MOST_S), 1 / one_in)[0]
    looks, at_s = Looks(), FIRST_LOOK_S
    while True:
        more_s = until_next_look(at_s, AT_MOST_S - at_s)
        share = looks.share_at(at_s / AT_MOST_S if more_s else 1.0)
        seen = Samples.of("latency_ms", values[: round(RATE * at_s)], "ms", error_share=share)
        verdict = judge_condition(parse("x.latency_ms.p95 <= 100ms"), {"x": {"latency_ms": seen}}).verdict
        if verdict is not Verdict.INCONCLUSIVE or not more_s:
            return verdict.value, at_s
        at_s += more_s


def courses(runs: int, processes: int) -> None:
    rows = []
    cases = ((12, Verdict.FAILED), (100, Verdict.PASSED), (20, Verdict.INCONCLUSIVE))
    with ProcessPoolExecutor(processes) as pool:
        for bulk in ("independent", "memory 5", "memory 50", "drifting"):
            for one_in, right in cases:
                found = list(pool.map(course, [one_in] * runs, [bulk] * runs, range(runs), chunksize=10))
                rows.append(_course_row(one_in, bulk, right, found))
    notes = (
        f"{runs} runs each, judged by the tool's own looks; 40 requests a second, looked at from 5 s on, at most 30 s. "
        "One in 20 is the limit itself: any verdict is wrong by a hair, and 5 of 100 may be. `exact`: how often the "
        "exact binomial test of one look would be right after 10 s, and after 30 s."
    )
    write("gates_course", "A p95 until it is decided", notes, rows)


def _course_row(one_in: float, bulk: str, right: Verdict, found: Sequence[tuple[str, float]]) -> Found:
    verdicts = Counter(verdict for verdict, _ in found)
    is_open = verdicts["inconclusive"]
    took = sorted(at_s for verdict, at_s in found if verdict == right.value)
    exact = {s: f"{100 * _exact(1 / one_in, round(RATE * s)):.0f} %" for s in (10, 30)}
    return {
        "slow": f"one in {one_in}",
        "fast answers": bulk,
        "runs": len(found),
        "right": verdicts[right.value],
        "within 10 s": sum(at_s <= 10 for at_s in took) if right is not Verdict.INCONCLUSIVE else "–",
        "inconclusive": is_open,
        "wrong": len(found) - is_open - (0 if right is Verdict.INCONCLUSIVE else verdicts[right.value]),
        "median s": float(np.median(took)) if took else math.nan,
        "exact, 10 s": exact[10],
        "exact, 30 s": exact[30],
    }


def _exact(share: float, n: int) -> float:
    """How often the exact binomial test at 95 %, two-sided, is right about 5 % when so many are slow."""
    from scipy.stats import binom

    counts = np.arange(n + 1)
    fails = binom.sf(counts - 1, n, ALLOWED) <= 0.025
    passes = binom.cdf(counts, n, ALLOWED) <= 0.025
    chances = binom.pmf(counts, n, share)
    if share == ALLOWED:
        return float(chances[~fails & ~passes].sum())
    return float(chances[fails if share > ALLOWED else passes].sum())


PROFILE = """version: 1
name: live
scenarios:
  - id: slow
    title: A server with slow answers
    steps:
      - load:
          request: {method: POST, path: /, body: x}
          rate: 40/s
          duration: 5s
          until: decided
          at_most: 30s
        save: answers
    gates: [answers.latency_ms.p95 <= 100ms]
"""


def live_run(seed: int, one_in: int) -> Found:
    """One run of the command line against a server of its own: exit code, seconds of load, samples."""
    server = [sys.executable, str(Path(__file__).parent / "load_servers.py"), "delay", "--ms", "2"]
    server += ["--slow-share", str(1 / one_in), "--slow-ms", "400", "--seed", str(seed)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        Path(folder, "live.yaml").write_text(PROFILE)
        command = [sys.executable, "-m", "pynomaly_itest", "run", "-p", "./live.yaml", "--target", url]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        events = _events(Path(folder))
        process.stdin.close()
    took = next((e["duration_s"] for e in events if e["event"] == "step_finished"), math.nan)
    gate = next((e for e in events if e["event"] == "gate_judged"), {})
    return {
        "one_in": one_in,
        "exit": ended.returncode,
        "took_s": took,
        "n": gate.get("n"),
        "why": gate.get("reason"),
    }


def _events(folder: Path) -> list[Found]:
    log = next(folder.glob("reports/*-live/run.jsonl"), None)
    return [] if log is None else [json.loads(line) for line in log.read_text().splitlines()]


def live(runs: int, at_once: int) -> None:
    started = time.strftime("%H:%M")
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(live_run, range(2 * runs), [12, 100] * runs))
    rows = []
    for one_in, right in ((12, 1), (100, 0)):
        mine = [run for run in found if run["one_in"] == one_in]
        took = sorted(run["took_s"] for run in mine if run["exit"] == right)
        rows.append(
            {
                "server": f"one answer in {one_in} takes 400 ms",
                "runs": len(mine),
                "right": sum(run["exit"] == right for run in mine),
                "inconclusive": sum(run["exit"] == 4 for run in mine),
                "wrong": sum(run["exit"] == 1 - right for run in mine),
                "median s": float(np.median(took)) if took else math.nan,
                "90 % within s": took[math.ceil(0.9 * len(took)) - 1] if took else math.nan,
            }
        )
    load = os.getloadavg()[0]
    notes = f"40 requests a second, {at_once} runs side by side, begun {started}; load average {load:.1f} at the end."
    write("gates_live", "A p95 of 100 ms, live", notes, rows, runs=found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=150)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--name", default="gates", help="of the results")
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("--courses", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=3)
    asked = parser.parse_args()
    if asked.runs:
        simulated(asked.runs, asked.processes, asked.name)
    if asked.courses:
        courses(asked.courses, asked.processes)
    if asked.live:
        live(asked.live, asked.at_once)


if __name__ == "__main__":
    main()
