"""A run's folder that somebody else wrote: nothing that it names is asked, told, run or removed."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import misbehaving
import pytest
from command_line import Itest, Platform

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import (
    FindingRecorded,
    PlannedScenario,
    ResourceCreated,
    RunStarted,
    ScenarioStarted,
    TargetInfo,
)
from pynomaly_itest.redaction import Redactor

PROFILE = """
version: 1
name: harmless
scenarios:
  - id: looked-at
    steps: [{request: {path: /}}]
"""
WITH_PYTHON = """
version: 1
name: harmless
scenarios:
  - id: looked-at
    steps: [{python: planted.py}]
"""
PLANTED = """
from pathlib import Path
Path(__file__).with_name("it-ran").write_text("")
"""
SECRETS = {"PYNOMALY_ITEST_PASSWORD": "hunter-of-22-owls", "PYNOMALY_ITEST_TOKEN": "token-of-the-user"}


class Stranger:
    """A server that keeps what it is sent."""

    def __init__(self, url: str, heard: list[str]) -> None:
        self.url = url
        self.heard = heard


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    heard: list[str] = []

    def handle(head: str, connection: misbehaving.Connection) -> None:
        heard.append(head)
        connection.answer(200, json.dumps({"id": "det_1", "name": "a detector of somebody's"}))

    with misbehaving.serving(handle) as url:
        yield Stranger(url, heard)


def run_of(folder: Path, url: str, profile: str, *left: tuple[str, str], run_id: str = "ab12cd34ef") -> Path:
    """A run that broke off, as this user's tool writes it, which named all this and left these things."""
    folder.mkdir(parents=True)
    log = EventLog(folder / "run.jsonl", Redactor())
    log.record(
        RunStarted,
        run_id=run_id,
        profile="harmless",
        started_at="2026-03-01T10:15:00+00:00",
        tool_version="0.1.0",
        target=TargetInfo(kind="url", url=url),
        seed=1,
        plan=(PlannedScenario(id="looked-at"),),
        arguments=("--profile", profile, "--target", url, "--user", "admin"),
    )
    log.record(ScenarioStarted, scenario="looked-at")
    for kind, path in left:
        log.record(ResourceCreated, scenario="looked-at", kind=kind, id=path.rpartition("/")[2], path=path)
    log.record(
        FindingRecorded,
        scenario="looked-at",
        id="CFG-01",
        title="x",
        verdict="failed",
        severity="high",
        fingerprint="f" * 32,
    )
    log.close()
    return folder


def unsigned(folder: Path) -> Path:
    (folder / "run.jsonl.sig").unlink()
    return folder


COMMANDS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "rerun": lambda run: ("rerun", run),
    "rerun --failed": lambda run: ("rerun", run, "--failed"),
    "resume": lambda run: ("resume", run),
    "replay": lambda run: ("replay", run, "CFG-01"),
    "cleanup": lambda run: ("cleanup", run),
    "cleanup as somebody": lambda run: ("cleanup", run, "--user", "admin"),
    "cleanup of everything": lambda run: ("cleanup", run, "--unmarked"),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_what_a_foreign_folder_names_gets_no_request_and_its_python_does_not_run(
    itest: Itest, stranger: Stranger, what: str
) -> None:
    (itest.folder / "planted.py").write_text(PLANTED)
    profile = itest.profile(WITH_PYTHON)
    run = unsigned(run_of(itest.folder / "sent/run", stranger.url, profile, ("detector", "detectors/det_1")))
    done = itest(*COMMANDS[what](str(run)), **SECRETS)
    assert done.code == 2, done.text
    assert "may be somebody else's: it has no signature" in done.err
    assert stranger.url in done.err, "what it names is shown"
    assert stranger.heard == []
    assert not (itest.folder / "it-ran").exists()


def test_a_foreign_run_is_run_again_on_what_is_said_by_hand(itest: Itest, stranger: Stranger) -> None:
    run = unsigned(run_of(itest.folder / "sent/run", stranger.url, "elsewhere.yaml"))
    with misbehaving.serving(lambda head, connection: connection.answer(200, "{}")) as own:
        done = itest("rerun", str(run), "-p", itest.profile(PROFILE), "--target", own)
    assert done.code == 0, done.text
    assert done.run["target"]["url"] == own
    assert stranger.heard == []


def test_a_foreign_run_that_is_trusted_is_run_as_it_says(itest: Itest, stranger: Stranger) -> None:
    run = unsigned(run_of(itest.folder / "sent/run", stranger.url, itest.profile(PROFILE)))
    done = itest("rerun", str(run), "--trust", **SECRETS)
    assert done.code == 0, done.text
    assert stranger.heard


def test_another_target_does_not_get_the_account_of_the_runs(itest: Itest, stranger: Stranger) -> None:
    run = run_of(itest.folder / "sent/run", "http://127.0.0.1:9", itest.profile(PROFILE))
    done = itest("rerun", str(run), "--target", stranger.url, PYNOMALY_ITEST_PASSWORD="hunter-of-22-owls")
    assert done.code == 0, done.text
    assert not any("/auth/login" in head for head in stranger.heard)


def test_a_profile_in_the_working_folder_that_hides_the_tools_own_is_told(itest: Itest) -> None:
    (itest.folder / "profiles").mkdir()
    (itest.folder / "profiles/smoke.yaml").write_text(PROFILE.replace("harmless", "smoke"))
    with misbehaving.serving(lambda head, connection: connection.answer(200, "{}")) as url:
        done = itest("run", "-p", "smoke", "--target", url)
    assert done.code == 0, done.text
    assert "hides the profile 'smoke' that the tool brings" in " ".join(done.err.split())


def test_clean_up_leaves_what_does_not_carry_the_runs_mark(itest: Itest, platform: Platform) -> None:
    api = logged_in(platform)

    def made(**body: Any) -> str:
        return str(api("detectors", {"algorithm_name": "hbos", **body})["id"])

    ours = made(name="itest ab12cd34 looked-at hbos")
    named = made(name="by hand", metadata={"made_by": "itest ab12cd34 looked-at"})
    victims = [made(name="the fraud detector"), made(name="itest ffffffff another run's")]
    left = [("detector", f"detectors/{each}") for each in (ours, named, *victims)]
    left += [("user", "admin/users/../users/usr_1"), ("::error::planted", "admin/users?x=1")]
    run = run_of(itest.folder / "reports/run", platform.url, itest.profile(PROFILE), *left)
    done = itest("cleanup", str(run), *platform.flags[2:], **platform.variables)
    assert done.code == 1, done.text
    assert done.out.strip() == "removed 2 of 6"
    assert done.err.count("does not carry the run's mark") == 2
    assert done.err.count("its path is none that the tool makes") == 2
    assert not any(line.lstrip().startswith("::") for line in done.err.splitlines())
    still = {each["id"] for each in api("detectors?limit=500")}
    assert not still & {ours, named}
    assert set(victims) <= still
    assert itest("cleanup", str(run), "--unmarked", *platform.flags[2:], **platform.variables).code == 1
    assert not set(victims) & {each["id"] for each in api("detectors?limit=500")}


def logged_in(platform: Platform) -> Callable[..., Any]:
    """The platform's API, asked without the tool: GET, or POST where there is a body."""
    form = f"grant_type=password&username={platform.user}&password={platform.password}".encode()
    with urllib.request.urlopen(f"{platform.url}/api/v1/auth/login", form) as reply:  # noqa: S310 - loopback
        token = json.loads(reply.read())["access_token"]

    def call(path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{platform.url}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as reply:  # noqa: S310 - loopback
            return json.loads(reply.read())

    return call
