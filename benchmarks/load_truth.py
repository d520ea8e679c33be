"""What the engine says against what is true: a server that stalls, and one that takes 5 ms and keeps a record.

    python benchmarks/load_truth.py

Stall: 200 requests a second for 10 s, the server frozen from second 3 to 5; the truth follows from arithmetic.
Delay: 500 a second for 10 s, three times, to a server that answers after 5 ms; the truth is its own record, which
begins when the kernel took in a request (its receive timestamp) and ends when the answer was written: a request that
waits for the server's process to wake up waits for the server. "of that" says how much this was.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from load_report import write

from pynomaly_itest.load import ConstantArrivalRate, Endpoint, LoadPlan, LoadResult, Progress, run_load
from pynomaly_itest.measure import Samples, judge_quantile, statistic

SERVERS = Path(__file__).with_name("load_servers.py")
POST = Endpoint(method="POST", bodies=(b"x" * 1000,))


@dataclass
class Known:
    url: str
    saw: dict[str, Any] = field(default_factory=dict)


@contextmanager
def serving(*options: str) -> Iterator[Known]:
    command = [sys.executable, str(SERVERS), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        go_first(process.pid)
        assert process.stdin is not None
        assert process.stdout is not None
        known = Known(f"http://127.0.0.1:{int(process.stdout.readline())}")
        yield known
        process.stdin.close()
        known.saw = json.loads(process.stdout.read())


def go_first(pid: int) -> None:
    """Real time for server and workers, while they are there: what else runs here is not what is measured."""
    with suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def load(url: str, rate: float, duration_s: float, **settings: Any) -> LoadResult:
    executor = ConstantArrivalRate(rate=rate, duration_s=duration_s)
    plan = LoadPlan(url=url, endpoints=(POST,), executor=executor, **settings)

    def workers_go_first(_: Progress) -> None:
        for child in psutil.Process().children():
            go_first(child.pid)

    return asyncio.run(run_load(plan, on_progress=workers_go_first))


def latency(result: LoadResult) -> Samples:
    found = result.metrics["latency_ms"]
    assert isinstance(found, Samples)
    return found


def stalled(connections: int) -> list[dict[str, Any]]:
    """Due at k * 5 ms; answered at once, or when the freeze from 3 s to 5 s is over."""
    due_ms = np.arange(2000) * 5.0
    truth = np.where((due_ms >= 3000) & (due_ms < 5000), 5000 - due_ms, 0.0)
    with serving("stall", "--at", "3", "--for", "2") as server:
        result = load(server.url, 200, 10, max_in_flight=connections)
    verdict = judge_quantile(latency(result), 0.95, "<=", 200).verdict.value
    rows = []
    for name, p in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        measured, true = statistic(latency(result), name).value, float(np.quantile(truth, p))
        rows.append(
            {
                "test": f"stall, {connections} connections",
                "quantile": name,
                "truth ms": round(true, 2),
                "measured ms": round(measured, 2),
                "off by": f"{(measured / true - 1) * 100:+.1f} %"
                if true
                else "under 1 ms"
                if measured < 1
                else "more",
                "accounted for": f"{result.requests} of 2000, 'p95 <= 200 ms' {verdict}",
            }
        )
    return rows


def delayed(repeat: int) -> list[dict[str, Any]]:
    with serving("delay", "--ms", "5") as server:
        result = load(server.url, 500, 11, warm_up_s=1)
    came_ms = np.array(server.saw["came_s"])[500:] * 1000  # the first second is warm-up
    late_ms = came_ms - np.arange(came_ms.size) * 2.0
    late_ms = np.abs(late_ms - np.median(late_ms))
    p99_late_ms = float(np.quantile(late_ms, 0.99))
    stamped = server.saw["stamped"] == server.saw["n"]
    waited_ms = np.array(server.saw["waited_ms"][500:] if stamped else [float("nan")])
    rows = []
    for name, p in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        measured, true = statistic(latency(result), name).value, float(np.quantile(server.saw["ms"][500:], p))
        rows.append(
            {
                "test": f"delay of 5 ms, run {repeat}",
                "quantile": name,
                "truth ms": round(true, 3),
                "measured ms": round(measured, 3),
                "off by": f"{(measured / true - 1) * 100:+.1f} %",
                "accounted for": f"{result.requests} of 5000; arrivals off by {p99_late_ms:.2f} ms at p99; "
                f"of that, woken up after {np.quantile(waited_ms, p):.3f} ms at {name}",
            }
        )
    return rows


def main() -> None:
    rows = [*stalled(1000), *stalled(50), *(row for repeat in (1, 2, 3) for row in delayed(repeat))]
    notes = (
        "Latency from when a request was due; server and workers in real time. The delaying server's record runs from "
        "when the kernel took in a request (SO_TIMESTAMPNS) until its answer was written."
    )
    write("load_truth", "What was measured against what was true", notes, rows)


if __name__ == "__main__":
    main()
