"""CPU per request of the whole engine against wrk, autocannon and Locust: same server, interleaved rounds, medians.

    python benchmarks/load_cost.py [--rounds 5] [--seconds 2] [--autocannon PATH] [--locust PATH]

Needs nginx and wrk; autocannon and Locust are compared where their programs are given. What a program costs to
start is measured and taken off; ours is charged with the worker and with the process that adds its figures up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import scipy.special  # noqa: F401 - imported before anything is timed
from load_report import write

from pynomaly_itest.load import ConstantVus, Endpoint, LoadPlan, run_load

BODY = b"x" * 1000
PORT = 18099
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ default_type application/json; return 200 '{{"ok":true}}'; }} }}
}}
"""
LUA = 'wrk.method="POST"; wrk.body=string.rep("x",1000); wrk.headers["Content-Type"]="application/json"'
LOCUST = """
from locust import FastHttpUser, task, constant
class User(FastHttpUser):
    wait_time = constant(0)
    @task
    def post(self):
        self.client.post("/", data=b"x" * 1000)
"""


@dataclass(frozen=True)
class Cost:
    cpu_s: float
    requests: int
    wall_s: float

    @property
    def us(self) -> float:
        return self.cpu_s / self.requests * 1e6


@contextmanager
def nginx() -> Iterator[str]:
    """One nginx worker that answers every POST with a small JSON."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=PORT))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        with subprocess.Popen([program, "-p", folder, "-c", str(config)]) as process:
            time.sleep(0.5)
            try:
                yield f"http://127.0.0.1:{PORT}"
            finally:
                process.terminate()


def ours(url: str, connections: int, seconds: float, workers: int = 1) -> Cost:
    endpoint = Endpoint(method="POST", headers=(("Content-Type", "application/json"),), bodies=(BODY,))
    executor = ConstantVus(vus=connections, duration_s=seconds)
    plan = LoadPlan(url=url, endpoints=(endpoint,), executor=executor, workers=workers, pin=False)
    before_s = time.process_time()
    result = asyncio.run(run_load(plan))
    own_s = time.process_time() - before_s
    assert result.failures == 0, result.outcomes
    return Cost(own_s + result.health.cost_us * result.requests / 1e6, result.requests, seconds)


def spent(command: list[str], folder: str) -> tuple[str, float]:
    """What a program printed, and the CPU seconds that it and its children took."""
    before = os.times()
    printed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    after = os.times()
    return (
        printed,
        after.children_user + after.children_system - before.children_user - before.children_system,
    )


def wrk(url: str, connections: int, seconds: float) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "post.lua").write_text(LUA)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "-s", "post.lua", url]
        printed, cpu_s = spent(command, folder)
    found = re.search(r"(\d+) requests in", printed)
    assert found, printed
    return Cost(cpu_s, int(found[1]), seconds)


def autocannon(program: str) -> Callable[[str, int, float], Cost]:
    def run(url: str, connections: int, seconds: float) -> Cost:
        options = [
            "-c",
            str(connections),
            "-d",
            f"{seconds:g}",
            "-m",
            "POST",
            "-b",
            BODY.decode(),
            "--json",
            "-n",
        ]
        _, start_s = spent([program, "--version"], "/tmp")  # noqa: S108 - only to have a folder
        printed, cpu_s = spent([program, *options, url], "/tmp")  # noqa: S108 - likewise
        return Cost(cpu_s - start_s, json.loads(printed)["requests"]["total"], seconds)

    return run


def locust(program: str) -> Callable[[str, int, float], Cost]:
    def run(url: str, connections: int, seconds: float) -> Cost:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "locustfile.py").write_text(LOCUST)
            _, start_s = spent([program, "--version"], folder)
            users = ["-u", str(connections), "-r", str(connections), "-t", f"{seconds:g}s"]
            command = [program, "--headless", "-H", url, *users, "--json", "--loglevel", "ERROR"]
            printed, cpu_s = spent(command, folder)
        requests = sum(entry["num_requests"] for entry in json.loads(printed))
        return Cost(cpu_s - start_s, requests, seconds)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--autocannon")
    parser.add_argument("--locust")
    options = parser.parse_args()
    tools: dict[str, Callable[[str, int, float], Cost]] = {
        "pynomaly-itest": ours,
        "pynomaly-itest, 2 workers": partial(ours, workers=2),
        "wrk": wrk,
    }
    if options.autocannon:
        tools["autocannon"] = autocannon(options.autocannon)
    if options.locust:
        tools["locust FastHttpUser"] = locust(options.locust)
    costs: dict[str, dict[str, list[Cost]]] = {"16": {}, "64": {}}
    with nginx() as url:
        for _ in range(options.rounds):
            for connections, by_tool in costs.items():
                for name, tool in tools.items():
                    by_tool.setdefault(name, []).append(tool(url, int(connections), options.seconds))
    rows = []
    for name in tools:
        row: dict[str, object] = {"tool": name}
        for connections, by_tool in costs.items():
            median = statistics.median(cost.us for cost in by_tool[name])
            ratio = statistics.median(
                cost.us / peer.us for cost, peer in zip(by_tool[name], by_tool["wrk"], strict=True)
            )
            rate = statistics.median(cost.requests / cost.wall_s for cost in by_tool[name])
            row |= {
                f"µs CPU per request, {connections} connections": round(median, 1),
                f"times wrk, {connections}": round(ratio, 2),
                f"requests a second, {connections}": round(rate),
            }
        rows.append(row)
    raw = {
        c: {t: [round(cost.us, 2) for cost in found] for t, found in by.items()} for c, by in costs.items()
    }
    notes = f"1 kB POST to nginx, closed model, {options.rounds} interleaved rounds of {options.seconds:g} s, medians."
    write("load_cost", "CPU of sending a request", notes, rows, us_per_request=raw)


if __name__ == "__main__":
    main()
