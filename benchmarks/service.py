"""What a request costs: CPU of the server process per one-row detection, beside a plain FastAPI route that calls PyOD.

Each variant is one server process on loopback, driven by wrk over 16 connections, in interleaved rounds; what is
compared is CPU time per request, which swings far less than the rate does. Parts (authentication, limits, log) are
told by themselves, in this process. Run: python benchmarks/service.py [--quick]; writes results/service.{json,md}.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import numpy as np
import psutil

RESULTS = Path(__file__).parent / "results"
PASSWORD = "plain-orchid-ferry-41-lamp"  # noqa: S105 - of a server that lives for seconds
ROWS = np.random.default_rng(0).normal(size=(10_000, 10))

FASTAPI_PYOD = """
import sys, joblib, numpy as np, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
model = joblib.load(sys.argv[1])
class Body(BaseModel):
    rows: list[list[float]]
app = FastAPI()
@app.post("/predict")
def predict(body: Body):
    X = np.array(body.rows)
    return {"scores": model.decision_function(X).tolist(), "labels": model.predict(X).tolist()}
uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="error", loop="uvloop", http="httptools")
"""

BARE = """
import sys, msgspec, numpy as np, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from pynomaly.detection import parse_model
model = parse_model(open(sys.argv[1], "rb").read())
class Body(msgspec.Struct):
    rows: list[list[float]]
decode, encode = msgspec.json.Decoder(Body).decode, msgspec.json.Encoder().encode
async def predict(request):
    scores = model.score(np.array(decode(await request.body()).rows))
    return Response(encode({"scores": scores.tolist(), "labels": model.labels(scores).tolist()}))
app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="error", loop="uvloop", http="httptools")
"""


@dataclass(frozen=True, slots=True)
class Target:
    """One server and the request it is asked."""

    name: str
    url: str
    body: bytes
    headers: dict[str, str]
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds a request (median over rounds), and the requests a CPU second that makes."""

    name: str
    cpu_us: float
    per_cpu_second: float
    rounds: int


def free_port() -> int:
    """A port nobody listens on, for servers that can't choose one themselves."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def script(name: str, source: str, model: Path) -> Iterator[Target]:
    """A server that is a few lines of Python."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", source, str(model), str(port)])
    body = json.dumps({"rows": ROWS[:1].tolist()}).encode()
    target = Target(name, f"http://127.0.0.1:{port}/predict", body, {}, psutil.Process(process.pid))
    try:
        wait_for(target)
        yield target
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def platform(name: str, folder: Path, **settings: str) -> Iterator[Target]:
    """The platform with a trained isolation forest."""
    folder.mkdir()
    (folder / "password").write_text(PASSWORD)
    environment = os.environ | {
        "PYNOMALY_BOOTSTRAP_USERNAME": "admin",
        "PYNOMALY_BOOTSTRAP_PASSWORD_FILE": str(folder / "password"),
        "PYNOMALY_RATE_LIMIT_PER_SECOND": "1000000",
        **settings,
    }
    command = [sys.executable, "-m", "pynomaly", "serve", "--port", "0", "--data-dir", str(folder / "data")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port-file", str(folder / "port")], env=environment, stderr=log
        )
    try:
        while not (folder / "port").exists():
            time.sleep(0.05)
        url = f"http://127.0.0.1:{(folder / 'port').read_text().strip()}"
        yield prepared(name, url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def prepared(name: str, url: str, process: psutil.Process) -> Target:
    """Log in, upload, train; the request is one row's prediction."""
    with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.1)
        login = client.post("/auth/login", data={"username": "admin", "password": PASSWORD})
        client.headers["authorization"] = f"Bearer {login.json()['access_token']}"
        buffer = io.BytesIO()
        np.save(buffer, ROWS)
        dataset = client.post("/datasets/upload", files={"file": ("x.npy", buffer.getvalue())}).json()["id"]
        detector = client.post("/detectors", json={"algorithm_name": "isolation_forest"}).json()["id"]
        body = {"detector_id": detector, "dataset_id": dataset}
        operation = client.post("/detection/train", json=body).json()["id"]
        while client.get(f"/operations/{operation}").json()["status"] in ("pending", "running"):
            time.sleep(0.1)
        headers = {"Authorization": client.headers["authorization"]}
    body = json.dumps({"detector_id": detector, "rows": ROWS[:1].tolist()}).encode()
    target = Target(name, f"{url}/api/v1/detection/predict", body, headers, process)
    wait_for(target)
    return target


def wait_for(target: Target) -> None:
    """Until it answers the request rightly; a benchmark of errors is none."""
    for _ in range(300):
        with contextlib.suppress(httpx.TransportError):
            headers = {"content-type": "application/json", **target.headers}
            answer = httpx.post(target.url, content=target.body, headers=headers)
            assert answer.status_code == 200, answer.text
            return
        time.sleep(0.2)
    raise SystemExit(f"{target.name} did not start")


def measure(target: Target, folder: Path, duration_s: float) -> float:
    """CPU microseconds a request over one round of wrk."""
    script_file = folder / "request.lua"
    headers = "".join(f'wrk.headers["{name}"]="{value}"\n' for name, value in target.headers.items())
    script_file.write_text(
        f'wrk.method="POST"\nwrk.headers["Content-Type"]="application/json"\n{headers}wrk.body=[==[{target.body.decode()}]==]\n'
    )
    before_s = sum(target.process.cpu_times()[:2])
    done = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{duration_s}s", "-s", str(script_file), target.url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Non-2xx" not in done, done
    used_s = sum(target.process.cpu_times()[:2]) - before_s
    n_requests = next(int(line.split()[0]) for line in done.splitlines() if "requests in" in line)
    return used_s / n_requests * 1e6


def parts(folder: Path) -> dict[str, float]:
    """Microseconds that each part of a request's way takes by itself, in this process."""
    from pynomaly.api.bodies import JsonBody
    from pynomaly.api.gateway import Answered
    from pynomaly.api.metrics import Metrics
    from pynomaly.api.schemas import PredictRequest
    from pynomaly.app import open_foundations
    from pynomaly.security.rate_limits import MemoryBuckets, RateLimit, RateLimiter
    from pynomaly.settings import read_settings

    auth = open_foundations(read_settings({}, data_dir=folder / "parts")).security.auth
    auth.bootstrap_admin("admin", PASSWORD)
    session = auth.authenticate_user("admin", PASSWORD, "127.0.0.1", "benchmark")
    assert session is not None
    token = auth.issue_tokens(session).access_token
    limiter = RateLimiter("account", RateLimit(1e9, 1e9), MemoryBuckets(time.monotonic))
    decoder, metrics = JsonBody(PredictRequest), Metrics()
    body = json.dumps({"detector_id": "det_0", "rows": ROWS[:1].tolist()}).encode()
    line = Answered(datetime.now(UTC), "0" * 16, "POST", "/api/v1/detection/predict", 200, 0.1)
    with open(os.devnull, "w") as sink:
        steps = {
            "authentication (a token seen before)": lambda: auth.verify_access_token(token),
            "rate limit": lambda: limiter.require("someone"),
            "body: decode, and refuse twofold keys": lambda: decoder.decode(body),
            "metrics": lambda: metrics.observe("POST", "/api/v1/detection/predict", 200, 0.1),
            "access log": lambda: sink.write(msgspec.json.encode(line).decode() + "\n"),
        }
        return {
            name: min(timeit.repeat(step, number=5_000, repeat=5)) / 5_000 * 1e6
            for name, step in steps.items()
        }


def save_models(folder: Path) -> None:
    """The same forest as PyOD's object and as ours."""
    import joblib
    from pyod.models.iforest import IForest

    from pynomaly.detection import dump_model, resolve

    joblib.dump(IForest(random_state=0).fit(ROWS), folder / "pyod")
    (folder / "ours").write_bytes(dump_model(resolve("isolation_forest").fit(ROWS, seed=0)))


def main() -> None:
    """Start all targets, measure them in turn, write the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="two short rounds")
    quick = arguments.parse_args().quick
    rounds, duration_s = (2, 2) if quick else (5, 4)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        save_models(folder)
        targets = [
            stack.enter_context(script("FastAPI route calling PyOD", FASTAPI_PYOD, folder / "pyod")),
            stack.enter_context(script("bare route: Starlette, msgspec, our kernel", BARE, folder / "ours")),
            stack.enter_context(
                platform("platform without access log", folder / "a", PYNOMALY_ACCESS_LOG="false")
            ),
            stack.enter_context(platform("platform, everything on", folder / "b")),
        ]
        samples: dict[str, list[float]] = {target.name: [] for target in targets}
        for _ in range(rounds):
            for target in targets:
                samples[target.name].append(measure(target, folder, duration_s))
        costs = [
            Cost(n, statistics.median(s), 1e6 / statistics.median(s), rounds) for n, s in samples.items()
        ]
        memory_mb = targets[-1].process.memory_info().rss / 2**20
        each = parts(folder)
    report(costs, each, memory_mb)


def report(costs: list[Cost], each: dict[str, float], memory_mb: float) -> None:
    """Print the table and keep it."""
    pyod, bare, _, full = costs
    lines = ["| server | CPU µs a request | requests a CPU second |", "|---|---|---|"]
    lines += [f"| {cost.name} | {cost.cpu_us:,.0f} | {cost.per_cpu_second:,.0f} |" for cost in costs]
    lines += [
        "",
        f"One row, isolation forest of 100 trees, trained on 10,000 x 10; medians of {full.rounds} interleaved rounds.",
        f"Platform over the FastAPI route: {pyod.cpu_us / full.cpu_us:.1f} times the requests per CPU second.",
        f"Platform over the bare route: {full.cpu_us / bare.cpu_us:.2f} times its cost.",
        f"Resident memory of the platform's server process afterwards: {memory_mb:.0f} MB.",
    ]
    lines += ["", "| part of a request | µs |", "|---|---|"]
    lines += [f"| {name} | {cost_us:.1f} |" for name, cost_us in each.items()]
    text = "\n".join(lines)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "service.md").write_text(text + "\n")
    kept = {"servers": [asdict(cost) for cost in costs], "parts_us": each, "rss_mb": memory_mb}
    (RESULTS / "service.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
