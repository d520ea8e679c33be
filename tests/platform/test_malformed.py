"""Malformed input to every parser: no process ends, none takes more memory than it may, nothing is answered 5xx.

A small part runs always. `make fuzz` runs 100,000: PYNOMALY_FUZZ_INPUTS and PYNOMALY_FUZZ_SEED say how many and which.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
from collections import Counter, defaultdict
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from malformed import Malformed, malformed

BACKENDS = ["sqlite+memory"]
INPUTS = int(os.environ.get("PYNOMALY_FUZZ_INPUTS", "480"))
SEED = int(os.environ.get("PYNOMALY_FUZZ_SEED", "1"))
PARSE_MEMORY = 128 << 20
BODY, FILE = 4 << 20, 8 << 20
LIMITS = {
    "PYNOMALY_PARSE_MEMORY_BYTES": str(PARSE_MEMORY),
    "PYNOMALY_MAX_BODY_BYTES": str(BODY),
    "PYNOMALY_MAX_UPLOAD_BYTES": str(FILE),
    "PYNOMALY_WORKERS": "1",
    "PYNOMALY_ACCESS_LOG": "false",
}
_LOOK_EVERY = 400


class Watched:
    """The server's processes: which there are, and how much memory each had at its highest."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.peaks: dict[str, int] = {}
        self._started: dict[int, int] = {}

    def look(self) -> None:
        for process in (self._root, *self._root.children()):
            command = process.cmdline()
            name = (
                "parser"
                if "pynomaly.workers.parser" in command
                else "worker"
                if "pynomaly.workers" in command
                else "server"
            )
            peak = _peak_bytes(process.pid)
            grown = peak - self._started.setdefault(process.pid, peak)
            self.peaks[name] = max(self.peaks.get(name, 0), grown)


def _peak_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def trained_on_names(client) -> str:
    """A detector of the columns a, b and c, which valid inputs have."""
    rows = np.random.default_rng(0).normal(size=(60, 3))
    content = b"a,b,c\n" + b"".join(b"%f,%f,%f\n" % tuple(row) for row in rows)
    detector = client.detector()["id"]
    assert client.train(detector, client.upload(content)["id"])["status"] == "completed"
    return detector


@pytest.fixture
def connect():
    """Opens connections by the server's URL, and closes them."""
    with contextlib.ExitStack() as stack:

        def open_one(url: str) -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
            stack.callback(connection.close)
            return connection

        yield open_one


def test_malformed_input_of_every_kind_is_refused_and_ends_nothing(make_server, connect, capsys):
    server = make_server(**LIMITS)
    server.wait_ready()
    client = server.client()
    detector = trained_on_names(client)
    token = client.http.headers["authorization"]
    watched = Watched(server.process.pid)
    watched.look()
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    connection = connect(server.url)
    for number, each in enumerate(malformed(SEED, INPUTS, detector)):
        if number % 20_000 == 19_999:
            token = f"Bearer {_fresh(server)}"
        status = _sent(connection, each, token, detector)
        statuses[each.kind][status] += 1
        assert status < 500, (number, each.kind, status, each.content[:2_000], server.log[-2_000:])
        if number % _LOOK_EVERY == 0:
            watched.look()
    watched.look()
    assert server.process.poll() is None
    assert "a parsing process" not in server.log
    assert "Traceback" not in server.log
    assert watched.peaks["parser"] < PARSE_MEMORY
    assert watched.peaks["server"] < 8 * FILE
    for kind, found in statuses.items():
        assert sum(found.values()) == INPUTS // 8 + (list(statuses).index(kind) < INPUTS % 8)
        assert len(found) > 1 or kind == "gzip", (kind, found)
    with capsys.disabled():
        sys.stdout.write(_report(statuses, watched) if INPUTS > 1_000 else "")


def _fresh(server) -> str:
    client = server.client()
    return client.tokens["access_token"]


def _sent(connection: http.client.HTTPConnection, each: Malformed, token: str, detector: str) -> int:
    path = (
        "/api/v1/datasets/upload" if each.is_upload else f"/api/v1/detection/predict?detector_id={detector}"
    )
    headers = {"Authorization": token, "Content-Type": each.media_type, **each.headers}
    try:
        connection.request("POST", path, each.content, headers)
        answer = connection.getresponse()
        answer.read()
    except (ConnectionError, http.client.HTTPException):  # closed early: once more, on a new one
        connection.close()
        connection.request("POST", path, each.content, headers)
        answer = connection.getresponse()
        answer.read()
    return answer.status


def _report(statuses: dict[str, Counter[int]], watched: Watched) -> str:
    lines = [
        f"{kind:<10} {sum(found.values()):>7} inputs  {dict(sorted(found.items()))}"
        for kind, found in statuses.items()
    ]
    grown = {name: f"{peak >> 20} MiB" for name, peak in watched.peaks.items()}
    return "\n" + "\n".join([*lines, f"highest growth of memory: {grown}"]) + "\n"


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_inputs(seed):
    first, second = ([each.content for each in malformed(seed, 64, "d")] for _ in range(2))
    assert first == second
    assert len(set(first)) > 60
