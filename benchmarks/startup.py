"""How fast the command line answers, as ratios measured side by side in one run: CPU of whole processes.

    python benchmarks/startup.py [--rounds 15] [--save]

`--help` and `validate` are held against `python -c "import typer, rich"`, in turn, round by round. The smoke run is
held against the bundled platform's own start (the same server, started alone until it is ready).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORTS = [sys.executable, "-c", "import typer, rich"]
HELP = [sys.executable, "-m", "pynomaly_itest", "--help"]
VALIDATE = [sys.executable, "-m", "pynomaly_itest", "validate", "smoke"]


def cpu_s(command: list[str]) -> float:
    """User and system seconds of one run of the command, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratios(rounds: int) -> dict[str, float]:
    """Medians of the ratio to the imports alone, pair by pair."""
    seen: dict[str, list[float]] = {"help": [], "validate": []}
    for number in range(rounds + 1):
        base = cpu_s(IMPORTS)
        found = {"help": cpu_s(HELP) / base, "validate": cpu_s(VALIDATE) / base}
        if number:  # the first round writes byte code
            for name, ratio in found.items():
                seen[name].append(ratio)
    return {name: statistics.median(values) for name, values in seen.items()}


def platform_start_s() -> float:
    """Wall seconds from starting the server alone to its first ready answer."""
    import urllib.error
    import urllib.request

    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "pynomaly", "serve", "--port", "0", "--data-dir", f"{folder}/data"]
        start = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--port-file", str(port_file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while time.perf_counter() - start < 180:
                try:
                    url = f"http://127.0.0.1:{port_file.read_text().strip()}/api/v1/health/ready"
                    with urllib.request.urlopen(url, timeout=1):
                        return time.perf_counter() - start
                except (FileNotFoundError, ValueError, urllib.error.URLError, TimeoutError):
                    time.sleep(0.01)
            raise TimeoutError("the platform was not ready within 180 s")
        finally:
            server.terminate()
            server.wait(30)


def smoke() -> dict[str, float]:
    """Wall seconds of a smoke run, and of what it says its target's start took."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pynomaly_itest", "run", "-p", "smoke", "--quiet", "--out", out],
            check=True,
            capture_output=True,
        )
        wall_s = time.perf_counter() - start
        events = [json.loads(line) for line in (Path(out) / "latest" / "run.jsonl").read_text().splitlines()]
    (ready,) = [event for event in events if event["event"] == "target_ready"]
    scenarios_s = sum(event["duration_s"] for event in events if event["event"] == "scenario_finished")
    return {"wall_s": wall_s, "target_start_s": ready["duration_s"], "scenarios_s": scenarios_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/startup.json")
    options = parser.parse_args()
    found = ratios(options.rounds)
    runs = [smoke() for _ in range(3)]
    middle = sorted(runs, key=lambda run: run["wall_s"])[1]
    alone = statistics.median(platform_start_s() for _ in range(3))
    result = {
        "cpu ratio to importing typer and rich": {name: round(ratio, 2) for name, ratio in found.items()},
        "rounds": options.rounds,
        "smoke run, s of wall time (median of 3)": {name: round(value, 2) for name, value in middle.items()},
        "platform alone, s until ready (median of 3)": round(alone, 2),
        "share of the smoke run that is the tool's own": round(
            1 - (middle["target_start_s"] + middle["scenarios_s"]) / middle["wall_s"], 2
        ),
        "cores": os.cpu_count(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.save:
        Path(__file__).with_name("results").joinpath("startup.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
