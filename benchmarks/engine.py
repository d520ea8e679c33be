"""What scoring costs beside plain PyOD: CPU time in the same run, scores compared first; imports and memory as well.

10 columns, trained on 10,000 rows, every library on one thread. Rounds of ours and PyOD's alternate; the ratio is the
median of the rounds' ratios.

    python benchmarks/engine.py [--quick] [--algorithms knn pca …]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

for _library in ("OMP", "OPENBLAS", "MKL"):  # read when numpy is imported
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402 - needs the lines above

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pynomaly.detection import FrozenModel, algorithms, resolve, save_model, warm_up  # noqa: E402 - needs the line above
from pynomaly.detection.model import Floats  # noqa: E402 - likewise

RESULTS = ROOT / "benchmarks" / "results"
SIZES = (1, 100, 1000, 100_000)
N_COLUMNS, N_TRAINING = 10, 10_000
# To be met or beaten, at 1, 100, 1,000 and 100,000 rows; the others must not be slower than PyOD.
TARGETS = {
    "isolation_forest": (500, 43, 6.9, 2.1),
    "ecod": (3400, 570, 14, 4.5),
    "copod": (3400, 570, 14, 4.5),
    "hbos": (25, 12, 4.3, 4.7),
    "pca": (135, 23, 4.5, 2.5),
    "knn": (46, 2.6, 2.5, 2.3),
    "local_outlier_factor": (15, 1.5, 1.3, 1.3),
}
PEERS = {
    "abod": ("abod", "ABOD", {}),
    "cblof": ("cblof", "CBLOF", {"random_state": 3}),
    "copod": ("copod", "COPOD", {}),
    "ecod": ("ecod", "ECOD", {}),
    "hbos": ("hbos", "HBOS", {}),
    "isolation_forest": ("iforest", "IForest", {"random_state": 3}),
    "knn": ("knn", "KNN", {}),
    "local_outlier_factor": ("lof", "LOF", {}),
    "mcd": ("mcd", "MCD", {"random_state": 3}),
    "one_class_svm": ("ocsvm", "OCSVM", {}),
    "pca": ("pca", "PCA", {"random_state": 3}),
}
SERVER = "import pynomaly.cli, pynomaly.server, pynomaly.app, uvloop, httptools"
SERVE = """
import resource, sys, time
began = time.perf_counter()
import numpy as np
from pynomaly.detection import load_model, warm_up
warm_up()
rss = lambda: int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()
models = [load_model(path) for path in sys.argv[1:]]
rows = np.random.default_rng(0).normal(size=(100, 10))
for model in models:
    model.score(rows)
first = rss()
for call in range(100_000):
    models[call % len(models)].score(rows[call % 100 : call % 100 + 1])
print(first, rss())
"""


@dataclass(frozen=True)
class Cell:
    """One algorithm at one size: CPU microseconds a call, and how many times PyOD's cost is ours."""

    rows: int
    ours_us: float
    pyod_us: float | None
    ratio: float | None
    target: float | None


def main() -> int:
    options = _options()
    warm_up()
    rng = np.random.default_rng(0)
    X, queries = rng.normal(size=(N_TRAINING, N_COLUMNS)), rng.normal(size=(SIZES[-1], N_COLUMNS))
    table: dict[str, list[Cell]] = {}
    for name in options.algorithms or [spec.name for spec in algorithms()]:
        table[name] = _measure(name, X, queries, quick=options.quick)
        print(
            name,
            [f"{cell.rows}: {cell.ours_us:.1f} us, x{cell.ratio or 0:.1f}" for cell in table[name]],
            flush=True,
        )
    report: dict[str, Any] = {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), **_versions()},
        "cells": {name: [asdict(cell) for cell in cells] for name, cells in table.items()},
        "imports_s": _imports(),
        "memory": _memory(X),
    }
    RESULTS.mkdir(exist_ok=True)
    suffix = "-quick" if options.quick else ""
    (RESULTS / f"engine{suffix}.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / f"engine{suffix}.md").write_text(_markdown(report, table))
    print(_markdown(report, table))
    slower = [
        name for name, cells in table.items() for cell in cells if cell.ratio is not None and cell.ratio < 1
    ]
    return 1 if slower else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, nothing that takes PyOD seconds")
    parser.add_argument("--algorithms", nargs="+", metavar="NAME", help="only these")
    return parser.parse_args()


def _measure(name: str, X: Floats, queries: Floats, *, quick: bool) -> list[Cell]:
    ours = resolve(name).fit(X, seed=3)
    peer = _fitted_peer(name, X)
    if peer is not None:
        _assert_equal(name, ours, peer, queries)
    targets = TARGETS.get(name, (None,) * len(SIZES))
    sizes = SIZES[:-1] if quick else SIZES
    return [
        _cell(ours, peer, queries[:n], target, quick=quick) for n, target in zip(sizes, targets, strict=False)
    ]


def _fitted_peer(name: str, X: Floats) -> Any:
    if name not in PEERS:
        return None
    module, cls, settings = PEERS[name]
    detector = getattr(importlib.import_module(f"pyod.models.{module}"), cls)(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return detector.fit(X)
        except ValueError as error:
            print(f"{name}: PyOD can't be fitted with its defaults on these rows: {error}")
    # its clusters are of one size: with fewer there is a largest
    return getattr(importlib.import_module(f"pyod.models.{module}"), cls)(**settings, alpha=0.5).fit(X)


def _assert_equal(name: str, ours: FrozenModel, peer: Any, queries: Floats) -> None:
    if name == "cblof":  # PyOD may need other settings than its defaults here: the tests compare the scores
        return
    rows = queries[:20]
    one_by_one = [peer.decision_function(rows[i : i + 1]) for i in range(len(rows))]
    np.testing.assert_allclose(ours.score(rows), np.concatenate(one_by_one), rtol=1e-9, atol=1e-9)


def _cell(ours: FrozenModel, peer: Any, rows: Floats, target: float | None, *, quick: bool) -> Cell:
    n_rounds = 3 if quick or len(rows) > 1000 else 9
    own, others, ratios = [], [], []
    for _ in range(n_rounds):
        own.append(_cpu_us(lambda: ours.score(rows), at_least_s=0.02))
        if peer is not None:
            others.append(_cpu_us(lambda: peer.decision_function(rows), at_least_s=0.02))
            ratios.append(others[-1] / own[-1])
    return Cell(
        rows=len(rows),
        ours_us=statistics.median(own),
        pyod_us=statistics.median(others) if others else None,
        ratio=statistics.median(ratios) if ratios else None,
        target=target,
    )


def _cpu_us(call: Callable[[], object], *, at_least_s: float) -> float:
    """CPU microseconds of one call: repeated until at_least_s has gone by."""
    before = time.process_time()
    call()
    once_s = time.process_time() - before
    if once_s >= at_least_s:
        return once_s * 1e6
    n_calls = max(1, int(at_least_s / max(once_s, 1e-7)))
    before = time.process_time()
    for _ in range(n_calls):
        call()
    return (time.process_time() - before) / n_calls * 1e6


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "numba", "pyod", "scikit-learn")}


def _imports() -> dict[str, float]:
    """CPU seconds over an empty interpreter, the least of several cold starts, byte code being there."""
    kernels = (
        "from pynomaly.warmth import Warmth; w = Warmth(); w.start(); w._thread.join(); assert w.is_warm"
    )
    codes = {
        "catalogue": "import pynomaly.detection as d; d.algorithms()",
        "server": SERVER,
        "kernels": kernels,
        "server_and_kernels": f"{SERVER}; {kernels}",
    }
    with tempfile.TemporaryDirectory() as bytecode:
        empty = _least_cpu_s("pass", bytecode)
        return {what: _least_cpu_s(code, bytecode) - empty for what, code in codes.items()}


def _least_cpu_s(code: str, bytecode: str) -> float:
    environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    seconds = []
    for _ in range(6):  # the first writes the byte code
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


def _memory(X: Floats) -> dict[str, int]:
    """Resident bytes of a process that serves 50 forests of 100 trees: at first, and after 100,000 calls."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / str(number) for number in range(50)]
        for seed, path in enumerate(paths):
            save_model(resolve("isolation_forest").fit(X, seed=seed), path)
        command = [sys.executable, "-c", SERVE, *map(str, paths)]
        served = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    first, last = (int(word) for word in served.stdout.split())
    return {"rss_bytes": first, "rss_bytes_after_100000_calls": last}


def _markdown(report: dict[str, Any], table: dict[str, list[Cell]]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    sizes = [cell.rows for cell in next(iter(table.values()))]
    intro = (
        f"CPU time of PyOD's `decision_function` over ours, in the same run, one thread ({machine}). In brackets the "
        "ratio to be met, and our CPU time a call."
    )
    lines = [
        "# The detection engine beside plain PyOD",
        "",
        intro,
        "",
        "| | " + " | ".join(f"{size:,} rows" for size in sizes) + " |",
        "|---" * (len(sizes) + 1) + "|",
    ]
    for name, cells in table.items():
        lines.append(f"| {name} | " + " | ".join(_shown(cell) for cell in cells) + " |")
    imports, memory = report["imports_s"], report["memory"]
    outro = (
        f"Cold import, CPU: catalogue {imports['catalogue']:.2f} s; what serves {imports['server']:.2f} s; the kernels "
        f"(beside the start) {imports['kernels']:.2f} s; both {imports['server_and_kernels']:.2f} s. "
        f"50 forests of 100 trees served: {memory['rss_bytes'] / 1e6:.0f} MB resident, "
        f"{memory['rss_bytes_after_100000_calls'] / 1e6:.0f} MB after 100,000 calls."
    )
    lines += ["", outro]
    return "\n".join(lines) + "\n"


def _shown(cell: Cell) -> str:
    cost = f"{cell.ours_us:,.1f} µs"
    if cell.ratio is None:
        return f"– ({cost})"
    target = f"{cell.target:g}; " if cell.target else ""
    ratio = f"{cell.ratio:,.0f}" if cell.ratio >= 100 else f"{cell.ratio:.1f}"
    return f"{ratio} ({target}{cost})"


if __name__ == "__main__":
    raise SystemExit(main())
