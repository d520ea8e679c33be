"""Small runs for tests that need exactly one thing in them."""

from __future__ import annotations

from typing import Any

from pynomaly_itest.events import (
    FindingRecorded,
    GateJudged,
    PlannedScenario,
    RunAborted,
    RunFinished,
    RunInterrupted,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    TargetInfo,
)
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def started(*names: str, **more: Any) -> RunStarted:
    fields: dict[str, Any] = {
        "at_s": 0.0,
        "run_id": "r-1",
        "profile": "smoke",
        "started_at": "2026-03-14T09:26:53+00:00",
        "tool_version": "0.1.0",
        "target": TargetInfo(kind="remote", url="http://127.0.0.1:8000"),
        "seed": 1,
        "plan": tuple(PlannedScenario(id=name) for name in names),
        **more,
    }
    return RunStarted(**fields)


def ended(name: str, verdict: Verdict, reason: str | None = None) -> list[Any]:
    return [
        ScenarioStarted(at_s=1.0, scenario=name),
        ScenarioFinished(
            at_s=2.0, scenario=name, verdict=verdict, reason=reason, started_s=1.0, duration_s=1.0
        ),
    ]


def gate(name: str, verdict: Verdict = Verdict.PASSED, **more: Any) -> GateJudged:
    fields: dict[str, Any] = {
        "at_s": 1.5,
        "scenario": name,
        "expression": "x <= 50",
        "verdict": verdict,
        **more,
    }
    return GateJudged(**fields)


def finding(name: str, verdict: Verdict, severity: str = "high", **more: Any) -> FindingRecorded:
    fields: dict[str, Any] = {
        "at_s": 1.5,
        "scenario": name,
        "id": "JWT-01",
        "title": "An unsigned token is refused",
        "verdict": verdict,
        "severity": severity,
        "fingerprint": "f-1",
        **more,
    }
    return FindingRecorded(**fields)


FINISHED = RunFinished(at_s=3.0, duration_s=3.0)
INTERRUPTED = RunInterrupted(at_s=3.0, reason="SIGINT")
ABORTED = RunAborted(
    at_s=3.0, exit_code=3, message="nothing answers at http://127.0.0.1:8000", hint="start it"
)


def one(verdict: Verdict, *events: Any, reason: str | None = None, **more: Any) -> RunResult:
    """A finished run of the one scenario "a", with these events in it."""
    begin, end = ended("a", verdict, reason)
    return fold([started("a", **more), begin, *events, end, FINISHED])
