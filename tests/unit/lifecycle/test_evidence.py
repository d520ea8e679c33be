"""What is no evidence makes no pass; what a target says decides neither its own limits nor what reports may show."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from one_scenario import run_scenario

from pynomaly_itest.events import GateJudged, MetricRecorded, ScenarioFinished, StepFinished
from pynomaly_itest.verdicts import Verdict

P, F, I, E = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.ERROR  # noqa: E741
PROFILE = """
version: 1
name: evidence
benchmarks: {detection_latency_ms: 1}
scenarios:
  - id: s
    steps:
"""
JWT = "eyJhbGciOiJIUzI1.eyJzdWIiOiJhYmNk.c2lnbmF0dXJl"
TOLERANT = "      - measure: {step: {request: {path: /}}, repeat: 3, tolerate_errors: true}\n"
FLOWS = """
from pynomaly_itest.testing import scenario

@scenario()
async def silent():
    pass

@scenario()
async def looks():
    assert 1 + 1 == 2
"""


async def service(request: httpx.Request) -> httpx.Response:
    match request.url.path:
        case "/bad":
            return httpx.Response(500)
        case "/slow":
            await asyncio.sleep(5)
        case "/tokens":
            return httpx.Response(200, json={"access_token": JWT, "pin_secret": "zx-81-q", "n": 3})
        case "/odd":
            return httpx.Response(200, text='{"nan": NaN, "half": "\\ud800", "name": "\\u00fcn"}')
        case path if path.startswith("/api/v1/operations"):
            said = {
                "benchmarks": {"detection_latency_ms": 1e9},
                "before": {"text": "other"},
                "status": "completed",
            }
            return httpx.Response(200, json={**said, "id": "o1"})
    return httpx.Response(200, json={"v": 1})


def run(folder: Path, steps: str, **options: Any) -> tuple[Verdict, list[Any]]:
    (folder / "flows.py").write_text(FLOWS)
    return run_scenario(folder, PROFILE + steps, service, **options)


def reason_of(events: list[Any]) -> str:
    (finished,) = [event for event in events if isinstance(event, ScenarioFinished)]
    return finished.reason or ""


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ("      - measure: {step: {request: {path: /bad}}, repeat: 3, tolerate_errors: true}\n", I),
        (TOLERANT, I),
        ("      - measure: {step: {request: {path: /}}, repeat: 3}\n", P),
        (TOLERANT + "        expect: [error_ratio == 0]\n", P),
        ("      - retry: {step: {python: flows.py::silent}}\n", I),
        ("      - repeat: {times: 2, steps: [{python: flows.py::silent}]}\n", I),
        ("      - retry: {step: {python: flows.py::looks}}\n", P),
        ("      - repeat: {times: 2, steps: [{python: flows.py::silent}, {request: {path: /}}]}\n", P),
    ],
)
def test_what_only_measures_or_asserts_nothing_is_no_pass(
    tmp_path: Path, steps: str, verdict: Verdict
) -> None:
    assert run(tmp_path, steps)[0] is verdict


def test_what_a_target_answers_is_no_limit_and_no_earlier_result(tmp_path: Path) -> None:
    steps = (
        "      - request: {path: /}\n        save: before\n"
        "      - wait_for_operation: {operation: o1}\n"
        '        expect: [before.status >= benchmarks.detection_latency_ms, before.text != "other"]\n'
    )
    found, events = run(tmp_path, steps)
    assert found is P, reason_of(events)


def test_secrets_that_were_compared_are_not_shown(tmp_path: Path) -> None:
    steps = (
        "      - request: {path: /tokens}\n        save: given\n"
        '        expect: [json.access_token != null, text != "", json.n == 3]\n'
        '    gates: [given.json.pin_secret matches "zx", given.json.pin_secret == "zx"]\n'
    )
    found, events = run(tmp_path, steps)
    assert found is F
    log = (tmp_path / "run.jsonl").read_text()
    assert JWT not in log
    assert "zx-81-q" not in log
    judged = {event.expression: event for event in events if isinstance(event, GateJudged)}
    assert judged["json.access_token != null"].verdict is P
    assert judged["json.n == 3"].observed == 3
    (step,) = [event for event in events if isinstance(event, StepFinished)]
    assert '"n": 3' in step.values["text"].replace('":3', '": 3')


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("method: POST, path: /, json: {x: '${{ a.json.nan }}'}", "no form in JSON"),
        ("path: /, headers: {X-Name: '${{ a.json.name }}'}", "header X-Name holds a character beyond ASCII"),
        ("path: '/${{ a.json.half <= 5 }}'", "has no value"),
    ],
)
def test_what_can_not_be_sent_is_an_error_of_the_scenario(tmp_path: Path, config: str, told: str) -> None:
    steps = f"      - request: {{path: /odd}}\n        save: a\n      - request: {{{config}}}\n"
    found, events = run(tmp_path, steps)
    assert found is E
    assert told in reason_of(events)


def test_what_a_failed_step_measured_is_written_down_once(tmp_path: Path) -> None:
    steps = (
        "      - recovery: {request: {path: /}, objective: 0ms, within: 100ms}\n        save: back\n"
        "    gates: [back.latency_ms.n >= 1]\n"
    )
    found, events = run(tmp_path, steps)
    assert found is F
    assert [event.name for event in events if isinstance(event, MetricRecorded)] == ["back.latency_ms"]


def test_half_a_character_from_a_target_can_be_sent(tmp_path: Path) -> None:
    steps = "      - request: {path: /odd}\n        save: a\n      - request: {path: /, body: '${{ a.json.half }}'}\n"
    assert run(tmp_path, steps)[0] is P


@pytest.mark.parametrize(
    ("own", "left_s", "verdict"), [("0.05s", None, F), ("9s", 0.05, E), ("0.05s", 9.0, F)]
)
def test_that_the_runs_time_was_over_is_no_failure_of_the_target(
    tmp_path: Path, own: str, left_s: float | None, verdict: Verdict
) -> None:
    steps = f"      - request: {{path: /slow}}\n    timeout: {own}\n"
    assert run(tmp_path, steps, timeout_s=left_s)[0] is verdict
