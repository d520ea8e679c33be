"""How a scenario ends: `finally` counts, and whatever it does, what was created is removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from one_scenario import run_scenario

from pynomaly_itest.events import GateJudged, ScenarioFinished
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


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [
        ("/fine", Verdict.PASSED, None),
        ("/fails", Verdict.FAILED, "GET /fails answered 500, expected 2xx"),
        ("/hangs", Verdict.FAILED, "finally took longer than 0.2 s"),
    ],
)
def test_finally_counts_and_the_clean_up_is_made_after_it(
    tmp_path: Path, path: str, verdict: Verdict, reason: str | None
) -> None:
    service = Service()
    found, events = run_scenario(tmp_path, PROFILE.format(part="finally", path=path), service)
    (finished,) = [event for event in events if isinstance(event, ScenarioFinished)]
    assert (found, finished.verdict, finished.reason) == (verdict, verdict, reason)
    assert service.detectors == set()
    (cleaned,) = [event for event in events if isinstance(event, GateJudged)]
    assert (cleaned.expression, cleaned.verdict) == ("resource_cleanup", Verdict.PASSED)


def test_catch_is_for_diagnosis_and_runs_where_something_went_wrong_only(tmp_path: Path) -> None:
    found, events = run_scenario(tmp_path, PROFILE.format(part="catch", path="/fails"), Service())
    assert found is Verdict.PASSED
    assert "catch" not in {getattr(event, "phase", None) for event in events}
