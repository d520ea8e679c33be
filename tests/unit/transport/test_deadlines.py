"""A target that drips, at each place where the tool reads: the run ends about when --timeout says, whatever drips."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import misbehaving
import pytest
from on_a_url import run_on

from pynomaly_itest.comparison import asking
from pynomaly_itest.comparison.asking import Asker, Door, WrongAnswer
from pynomaly_itest.load import Endpoint
from pynomaly_itest.verdicts import Verdict

HEALTH = "GET /api/v1/health"
PLACES = {
    "a request": ("GET /slow", "request: {path: /slow}"),
    "a measure": ("GET /slow", "measure: {step: {request: {path: /slow}}, repeat: 3}"),
    "a load": (
        "GET /slow",
        "load: {request: {path: /slow}, executor: constant-vus, vus: 1, duration: 30s, workers: 1}",
    ),
    "the answers before a load": (
        "GET /slow",
        "load: {request: {path: /slow}, executor: constant-vus, vus: 1, duration: 1s, verify: {times: 2}}",
    ),
    "a login": ("POST /api/v1/auth/login", "request: {path: /x}"),
    "the metrics": ("GET /metrics", "request: {path: /x}"),
}


class Dripping:
    """Drips a reply to requests whose head begins so, from the `after`-th on; answers all others."""

    def __init__(self, where: str, after: int = 1) -> None:
        self._where = where
        self._after = after
        self._seen = 0
        self._lock = threading.Lock()

    def __call__(self, head: str, connection: misbehaving.Connection) -> None:
        with self._lock:
            self._seen += head.startswith(self._where)
            drips = head.startswith(self._where) and self._seen >= self._after
        if not drips:
            connection.answer(200, '{"version": "1", "access_token": "token", "expires_in": 300}')
            return
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        released = connection.server.released  # type: ignore[attr-defined]
        for _ in range(1000):
            connection.wfile.write(b" ")
            if released.wait(0.1):
                return


def profile(step: str, gates: str = "") -> str:
    gated = f"    gates: [{gates}]\n" if gates else ""
    return f"version: 1\nname: t\nscenarios:\n  - id: s\n    steps:\n      - {step}\n{gated}"


@pytest.mark.parametrize("place", PLACES)
def test_a_drip_in_a_scenario_does_not_outlast_the_time_of_the_run(tmp_path: Path, place: str) -> None:
    where, step = PLACES[place]
    began = time.monotonic()
    with misbehaving.serving(Dripping(where)) as url:
        result = run_on(url, tmp_path, profile(step), timeout_s=1.5, user=("u", "p"))
    assert time.monotonic() - began < 6
    verdict = Verdict.PASSED if place == "the metrics" else Verdict.ERROR
    assert result.scenarios[0].verdict is verdict, result.scenarios[0].reason


def test_a_health_answer_that_drips_at_the_start_ends_the_run(tmp_path: Path) -> None:
    began = time.monotonic()
    with misbehaving.serving(Dripping(HEALTH)) as url:
        result = run_on(url, tmp_path, profile("request: {path: /}"), timeout_s=1)
    assert time.monotonic() - began < 3
    assert result.aborted is not None
    assert (result.exit_code, result.aborted.message) == (
        3,
        "the target was not ready when --timeout 1 was over",
    )


def test_a_health_answer_that_drips_at_the_end_does_not_hold_up_a_run_that_passed(tmp_path: Path) -> None:
    began = time.monotonic()
    with misbehaving.serving(Dripping(HEALTH, after=2)) as url:
        result = run_on(url, tmp_path, profile("request: {path: /}"), timeout_s=1)
    assert time.monotonic() - began < 4
    assert result.exit_code == 0


def test_the_asker_of_a_comparison_gives_up_on_a_drip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_PATIENCE_S", 0.3)
    with misbehaving.serving(Dripping("GET /slow")) as url:
        door = Door(url)
        asker = Asker(door)
        with pytest.raises(WrongAnswer, match="no whole answer"):
            asker.ask(door.request(Endpoint(path="/slow"), b""))
        asker.close()
