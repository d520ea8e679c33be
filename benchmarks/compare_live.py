"""Whole comparisons, each anew with fresh processes, of a server whose work is more by a known factor.

    python benchmarks/compare.py --live                 every row, about half an hour; results/compare_live.{md,json}
    python benchmarks/compare.py --live --only aa       one row (several: --only aa,p95)
    python benchmarks/compare.py --live --times 2       so many comparisons of each row

Every outcome is kept as soon as it is there: what is interrupted goes on where it stopped (`--fresh`: from the start).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from load_report import RESULTS, write

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.live import LiveComparison
from pynomaly_itest.comparison.metrics import paired, wanted
from pynomaly_itest.comparison.outcome import Outcome, Terms
from pynomaly_itest.comparison.pairing import cores_for_both
from pynomaly_itest.comparison.sides import Side, Started
from pynomaly_itest.comparison.workload import Preparation, Question
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.measure import Tolerance

NAME = "compare_live"
WORK = 1600  # hashes an answer takes: about a millisecond, in which interpreters differ little
CALIBRATION = 1.1  # times the work, for finding out what more of it comes to
SERVER = """
import hashlib, selectors, socket, sys
rounds, block = int(sys.argv[1]), bytes(512)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
ready = selectors.DefaultSelector()
ready.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj is listener:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(connection, selectors.EVENT_READ)
        elif key.fileobj.recv(65536):
            for _ in range(rounds):
                hashlib.sha256(block)
            key.fileobj.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
        else:
            ready.unregister(key.fileobj)
            key.fileobj.close()
"""
HOG = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@dataclass(frozen=True)
class Row:
    """One line of the table. change: how much more the candidate works. usual_s: what one takes on a quiet machine.
    neighbours: processes that compute all the time on the core of the two."""

    name: str
    metrics: str
    change: float
    ignore: str | None
    forbid: str | None
    budget_s: float
    times: int
    usual_s: float
    neighbours: int = 0

    @property
    def terms(self) -> str:
        return f"ignore {self.ignore or 'as usual'}, forbid {self.forbid or 'as usual'}"


ROWS = (
    Row("aa", "p50", 0.0, "2%", "5%", 60.0, 30, 10.0),
    Row("aa-all", "p50,p95,throughput,cpu,memory", 0.0, "2%", "5%", 120.0, 4, 60.0),
    Row("p50-5", "p50", 0.05, "2%", "5%", 30.0, 16, 22.0),
    Row("p50-2", "p50", 0.02, "0.5%", "1.5%", 60.0, 8, 45.0),
    Row("p95-5", "p95", 0.05, "2%", "5%", 120.0, 5, 75.0),
    Row("throughput-3", "throughput", 0.03, "1%", "2.5%", 120.0, 5, 90.0),
    Row("aa-crowded", "p50", 0.0, "2%", "5%", 30.0, 6, 30.0, neighbours=2),
    Row("p50-5-crowded", "p50", 0.05, "2%", "5%", 30.0, 10, 30.0, neighbours=2),
)


class ServerSide(Side):
    """A server that does a certain amount of work for each answer; every pair a new process."""

    is_ours = True

    def __init__(self, label: str, rounds: int) -> None:
        self.label, self._rounds = label, rounds

    async def prepare(self, preparation: Preparation) -> None:
        """Nothing to prepare."""

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Started]:
        command = [sys.executable, "-c", SERVER, str(self._rounds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - awaited below
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


@contextlib.contextmanager
def crowd(neighbours: int) -> Iterator[None]:
    """So many processes that compute all the time on the core that the two sides share."""
    core = cores_for_both() or tuple(os.sched_getaffinity(0))
    with contextlib.ExitStack() as ending:
        for _ in range(neighbours):
            process = subprocess.Popen([sys.executable, "-c", HOG])
            ending.callback(process.wait)
            ending.callback(process.kill)
            os.sched_setaffinity(process.pid, core)
        yield


def shares_of_work(pairs: int = 9) -> dict[str, float]:
    """How much of each kind of figure is work, 0 to 1; the rest is sockets, waking up and the interpreter between.

    From a comparison with a tenth more work, as all the others are made: so that 5 % more *time* can be asked for.
    """
    terms = Terms(wanted("p50,p95,throughput", [], []), 600.0, most_pairs=pairs, always_all=True)
    sides = (ServerSide("once", WORK), ServerSide("more", round(WORK * CALIBRATION)))
    outcome = asyncio.run(LiveComparison(sides, terms).run(cast(Preparation, None)))
    found = {each.metric.kind: abs(float(np.mean(each.clusters))) for each in outcome.judged}
    return {kind: min(1.0, math.expm1(effect) / (CALIBRATION - 1)) for kind, effect in found.items()}


def once(row: Row, shares: dict[str, float]) -> dict[str, Any]:
    """One whole comparison, as it is kept. shares: of each kind of figure, how much of it is work."""
    share = shares.get(row.metrics, 1.0)
    more = 1 / (1 - row.change) - 1 if row.metrics == "throughput" else row.change
    rounds = math.ceil(WORK * (1 + more / share))
    sides = (ServerSide("base", WORK), ServerSide("candidate", rounds))
    shares = ([row.ignore] if row.ignore else [], [row.forbid] if row.forbid else [])
    seed = random.randrange(1 << 30)  # noqa: S311 - an order of questions, not a secret
    terms = Terms(wanted(row.metrics, *shares), row.budget_s, seed=seed)
    begun = time.monotonic()
    with crowd(row.neighbours):
        outcome = asyncio.run(LiveComparison(sides, terms).run(cast(Preparation, None)))
    return {
        "row": row.name,
        "rounds": [WORK, rounds],
        "terms": {**asdict(row), "times": None, "usual_s": None},
        "verdict": outcome.verdict.value,
        "failure": None if outcome.failure is None else outcome.failure.message,
        "seconds": round(time.monotonic() - begun, 2),
        "pairs": len(outcome.pairs),
        "pair_s": [round(each, 2) for each in outcome.pair_s],
        "stalled": outcome.stalled_share,
        "waited": _waited(outcome),
        "metrics": {
            each.metric.name: {
                "verdict": each.conclusion.verdict.value,
                "change": each.conclusion.change if each.conclusion.pairs else None,
                "reason": each.conclusion.reason,
                "effects": [round(effect, 5) for effect in each.clusters],
            }
            for each in outcome.judged
        },
    }


def _waited(outcome: Outcome) -> dict[str, float]:
    """Of each metric, how much of the calls that decide it was waiting for a processor."""
    return {
        each.metric.name: paired(each.metric, outcome.pairs, Tolerance()).waiting_share
        for each in outcome.judged
        if each.metric.question is not None
    }


def live(only: Sequence[str], times: int | None, *, fresh: bool) -> None:
    """Every chosen row as often as it takes, the next row's turn after each, so that all see the same machine."""
    rows = [row for row in ROWS if not only or row.name in only]
    kept = [] if fresh else _kept()
    missing = {
        row.name: max(0, (row.times if times is None else times) - len(list(_of(kept, row)))) for row in rows
    }
    usual = sum(row.usual_s * missing[row.name] for row in rows)
    most = sum(row.budget_s * missing[row.name] for row in rows)
    print(
        f"{sum(missing.values())} comparisons to go, {len(kept)} kept: about {usual / 60:.0f} min on a quiet"
    )
    print(f"machine, {most / 60:.0f} min at most: {missing}", flush=True)
    shares = shares_of_work() if any(missing.values()) else {}
    print(f"of each figure is work: { {kind: f'{share:.1%}' for kind, share in shares.items()} }", flush=True)
    while any(missing.values()):
        row = max(rows, key=lambda each: missing[each.name] / (times or each.times))
        missing[row.name] -= 1
        found = once(row, shares)
        kept.append(found)
        _told(row, found)
        _table(kept, show=False)
    if kept:
        _table(kept, show=True)


def _told(row: Row, found: dict[str, Any]) -> None:
    changes = ", ".join(
        f"{name} {each['verdict']} {_percent(each['change'])}" for name, each in found["metrics"].items()
    )
    stalled = f", stalled {found['stalled']:.0%}" if found["stalled"] is not None else ""
    times = f"{found['seconds']:.0f} s, {found['pairs']} pairs{stalled}"
    print(f"{row.name}: {found['verdict']}: {changes or found['failure']} ({times})", flush=True)


def _percent(change: float | None) -> str:
    return "?" if change is None else f"{change * 100:+.2f} %"


def _kept() -> list[dict[str, Any]]:
    """What an earlier call found out on the same terms."""
    path = RESULTS / f"{NAME}.json"
    return json.loads(path.read_text()).get("runs", []) if path.exists() else []


def _of(kept: Sequence[dict[str, Any]], row: Row) -> Iterator[dict[str, Any]]:
    same = {**asdict(row), "times": None, "usual_s": None}
    return (found for found in kept if found["terms"] == same)


def _table(kept: list[dict[str, Any]], *, show: bool) -> None:
    rows = [line for row in ROWS if (runs := list(_of(kept, row))) for line in _lines(row, runs)]
    notes = (
        f"Whole comparisons, each with fresh processes, on {len(os.sched_getaffinity(0))} cores. A server of about "
        "1 ms whose figure is worse by the share named (its work is more by count; how much of each figure is work is "
        "measured before and allowed for). A verdict takes the change to be surely under `forbid`, or surely over "
        "`ignore` (one false alarm in 10,000); to find 2 or 3 %, both have to be below that. Where calls wait for a "
        "processor, what has to be ruled out is that much less than `forbid`. Neighbours compute all the time on the "
        "core that both sides share."
    )
    write(NAME, "Live verdicts of compare on a server of known cost", notes, rows, show=show, runs=kept)


def _lines(row: Row, runs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A line for each metric of a row."""
    seconds = [found["seconds"] for found in runs]
    pair_s = [each for found in runs for each in found["pair_s"]]
    stalled = [found["stalled"] for found in runs if found["stalled"] is not None]
    for name in row.metrics.split(","):
        waited = [found["waited"][name] for found in runs if name in found.get("waited", {})]
        each = [found["metrics"][name] for found in runs if name in found["metrics"]]
        verdicts = [one["verdict"] for one in each]
        changes = [one["change"] * 100 for one in each if one["change"] is not None] or [float("nan")]
        yield {
            "metric": name,
            "really worse by": f"{row.change:.0%}",
            "terms": row.terms,
            "neighbours": row.neighbours,
            "runs": len(runs),
            **{verdict: verdicts.count(verdict) for verdict in ("passed", "failed", "inconclusive")},
            "no answer": sum(found["failure"] is not None for found in runs),
            "estimate, %": f"{np.mean(changes):.2f} (SD {np.std(changes):.2f})",
            "budget, s": f"{row.budget_s:.0f}",
            "seconds, median": f"{np.median(seconds):.1f}",
            "seconds, longest": f"{max(seconds):.1f}",
            "seconds a pair": f"{np.median(pair_s):.2f}" if pair_s else "-",
            "somebody waited": f"{np.mean(stalled):.0%}" if stalled else "-",
            "the calls waited": f"{np.mean(waited):.1%}" if waited else "-",
        }
