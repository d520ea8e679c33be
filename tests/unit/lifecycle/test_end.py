"""How a scenario ends: `finally` counts, and whatever it does, what was created is removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import GateJudged, ScenarioFinished, TargetInfo, read_log
from pynomaly_itest.lifecycle import ScenarioRun, Services
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.verdicts import Verdict

PROFILE = """
version: 1
name: ends
scenarios:
  - id: ends
    steps:
      - create_detector: {{algorithm: knn}}
    {part}:
      - request: {{path: {path}}}
"""


@dataclass
class Service:
    """Keeps detectors; /hangs never answers, /fails answers 500."""

    info = TargetInfo(kind="url", url="http://target")
    detectors: set[str] = field(default_factory=set)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/hangs":
            await asyncio.Event().wait()
        if request.method == "POST":
            self.detectors.add("/detectors/m1")
            return httpx.Response(201, json={"id": "m1"})
        if request.method == "DELETE":
            self.detectors.discard(path)
            return httpx.Response(204)
        return httpx.Response({"/fine": 200, "/fails": 500}.get(path, 404), json={})

    def log_lines(self, count: int) -> list[str]:
        return []

    async def restart(self, *, kill: bool = False) -> None:
        raise AssertionError("nobody asked for it")


def run_scenario(tmp_path: Path, service: Service, part: str, path: str) -> tuple[Verdict, list[Any]]:
    """The verdict of a scenario with this step in this part, and the events that tell of it."""
    profile = tmp_path / "ends.yaml"
    profile.write_text(PROFILE.format(part=part, path=path))
    (scenario,) = load([str(profile)], Overrides()).scenarios
    redactor, target = Redactor(), cast(Target, service)

    async def go() -> Verdict:
        log = EventLog(tmp_path / "run.jsonl", redactor)
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(service), base_url="http://target"
        ) as client:
            http = Http(client, redactor, "run")
            api = PlatformApi(http, Credentials(), redactor)
            observer = Observer(target, log.now_s, lambda reading: None)
            services = Services(target, http, api, observer, log, cast(Any, None), 0.95, 42, "run")
            try:
                return await ScenarioRun(scenario, services, patience_s=0.2).run()
            finally:
                log.close()

    return asyncio.run(go()), list(read_log(tmp_path / "run.jsonl"))


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [
        ("/fine", Verdict.PASSED, None),
        ("/fails", Verdict.FAILED, "GET /fails answered 500, expected below 400"),
        ("/hangs", Verdict.FAILED, "finally took longer than 0.2 s"),
    ],
)
def test_finally_counts_and_the_clean_up_is_made_after_it(
    tmp_path: Path, path: str, verdict: Verdict, reason: str | None
) -> None:
    service = Service()
    found, events = run_scenario(tmp_path, service, "finally", path)
    (finished,) = [event for event in events if isinstance(event, ScenarioFinished)]
    assert (found, finished.verdict, finished.reason) == (verdict, verdict, reason)
    assert service.detectors == set()
    (cleaned,) = [event for event in events if isinstance(event, GateJudged)]
    assert (cleaned.expression, cleaned.verdict) == ("resource_cleanup", Verdict.PASSED)


def test_catch_is_for_diagnosis_and_runs_where_something_went_wrong_only(tmp_path: Path) -> None:
    found, events = run_scenario(tmp_path, Service(), "catch", "/fails")
    assert found is Verdict.PASSED
    assert "catch" not in {getattr(event, "phase", None) for event in events}
