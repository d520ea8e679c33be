"""After a run: only the failed again, on from where it was killed, and away with what it left."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import misbehaving
from command_line import Itest, Platform

TWO = """
version: 1
name: two
scenarios:
  - id: good
    steps: [{request: {path: /good}}]
  - id: bad
    steps: [{request: {path: /bad}}]
"""
KILLED = """
version: 1
name: killed
scenarios:
  - id: first
    steps: [{request: {path: /api/v1/health}}]
  - id: second
    steps:
      - create_detector: {algorithm: knn, name: left-over}
        save: detector
      - retry: {step: {request: {path: /api/v1/admin/users}}, within_s: 100}
        expect: ['text matches "gatekeeper"']
  - id: third
    steps: [{request: {path: /api/v1/health}}]
"""


def answering(good: bool) -> Any:
    def handle(head: str, connection: misbehaving.Connection) -> None:
        connection.answer(200 if good or " /good" in head else 500, "{}")

    return handle


def test_rerun_failed_runs_only_what_failed_with_the_flags_of_then(itest: Itest) -> None:
    profile = itest.profile(TWO)
    with misbehaving.serving(answering(good=False)) as url:
        first = itest("run", "-p", profile, "--target", url, "--seed", "7")
        again = itest("rerun", "reports/latest", "--failed")
        assert (first.code, again.code) == (1, 1), again.text
        assert [scenario["id"] for scenario in again.run["scenarios"]] == ["bad"]
        whole = itest("rerun", f"reports/{oldest(itest)}")
    assert [scenario["id"] for scenario in whole.run["scenarios"]] == ["good", "bad"]
    assert whole.run["seed"] == 7


def oldest(itest: Itest) -> str:
    return sorted(path.name for path in (itest.folder / "reports").glob("2*"))[0]


def test_rerun_failed_of_a_green_run_is_nothing_selected(itest: Itest) -> None:
    with misbehaving.serving(answering(good=True)) as url:
        assert itest("run", "-p", itest.profile(TWO), "--target", url).code == 0
        done = itest("rerun", "--failed")
    assert done.code == 5, done.text
    assert itest("resume").code == 2, "a run that came to its end is not resumed"


def test_a_flag_with_a_secret_is_not_kept_and_said_so(itest: Itest) -> None:
    with misbehaving.serving(answering(good=False)) as url:
        flag = "target.settings.database_url=postgresql://me:hunter22@host/db"
        itest("run", "-p", itest.profile(TWO), "--target", url, "--set", flag)
    assert "hunter22" not in (itest.folder / "reports" / "latest" / "run.jsonl").read_text()
    done = itest("rerun")
    assert done.code == 2, done.text
    assert "held a secret" in done.err


def test_a_profile_that_has_changed_is_not_resumed(itest: Itest, platform: Platform) -> None:
    process = itest.start("run", "-p", itest.profile(KILLED), *platform.flags, **platform.variables)
    itest.wait_for_event("resource_created")
    process.kill()
    process.communicate(timeout=30)
    assert itest("cleanup", newest(itest), **platform.variables).code == 0
    itest.profile(KILLED.replace("within_s: 100", "within_s: 90"))
    done = itest("resume", newest(itest), **platform.variables)
    assert done.code == 2, done.text
    assert "the profile has changed since that run: second" in done.err


def test_a_killed_run_is_cleaned_up_after_and_resumed(itest: Itest, platform: Platform) -> None:
    profile = itest.profile(KILLED)
    process = itest.start("run", "-p", profile, *platform.flags, **platform.variables)
    itest.wait_for_event("resource_created")
    process.kill()
    process.communicate(timeout=30)
    assert "left-over" in detectors_of(platform)
    shown = itest("cleanup", newest(itest), "--dry-run", **platform.variables)
    assert "would remove detector" in shown.out
    removed = itest("cleanup", newest(itest), **platform.variables)
    assert (removed.code, removed.out.strip()) == (0, "removed 1 of 1"), removed.text
    assert "left-over" not in detectors_of(platform)
    killed = newest(itest)
    let_through(platform)
    done = itest("resume", killed, **platform.variables)
    assert done.code == 0, done.text
    verdicts = {scenario["id"]: scenario["verdict"] for scenario in done.run["scenarios"]}
    assert verdicts == {"first": "passed", "second": "passed", "third": "passed"}
    assert started_here(itest) == ["first", "second", "third"]
    assert times_of(itest, killed, "first") == times_of(itest, newest(itest), "first"), "it was not run again"


def newest(itest: Itest) -> str:
    name = sorted((itest.folder / "reports").glob("2*"), key=lambda path: path.stat().st_mtime)[-1].name
    return f"reports/{name}"


def events_of(itest: Itest, run: str) -> list[dict[str, Any]]:
    lines = (itest.folder / run / "run.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def started_here(itest: Itest) -> list[str]:
    return [
        event["scenario"] for event in events_of(itest, newest(itest)) if event["event"] == "scenario_started"
    ]


def times_of(itest: Itest, run: str, scenario: str) -> list[float]:
    return [event["at_s"] for event in events_of(itest, run) if event.get("scenario") == scenario]


def detectors_of(platform: Platform) -> str:
    """What the platform lists, asked without the tool."""
    return asked(platform, "detectors")


def let_through(platform: Platform) -> None:
    """Make the user that the second scenario waits for."""
    user = {"username": "gatekeeper", "password": "Correct-Horse-42-Battery", "role": "viewer"}
    asked(platform, "admin/users", json.dumps(user).encode())


def asked(platform: Platform, path: str, body: bytes | None = None) -> str:
    form = f"grant_type=password&username={platform.user}&password={platform.password}".encode()
    with urllib.request.urlopen(f"{platform.url}/api/v1/auth/login", form) as reply:  # noqa: S310 - loopback
        token = json.loads(reply.read())["access_token"]
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{platform.url}/api/v1/{path}",
        data=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - loopback
        return str(reply.read().decode())
