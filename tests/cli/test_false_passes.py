"""Ways in which a run could have ended as a pass without having looked: each tried on the real command line."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import misbehaving
import pytest
from command_line import Finished, Itest

HEAD = "import asyncio, sys\nfrom pynomaly_itest.testing import scenario\n\n@scenario()\nasync def flow():\n"
IN_A_TASK = (
    "    async def one():\n        %s\n"
    "    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(one())\n"
)


def service(head: str, connection: misbehaving.Connection) -> None:
    """Well, but for /500."""
    connection.answer(500 if " /500" in head else 200, '{"v": 1, "version": "1.0"}')


@pytest.fixture
def url() -> Iterator[str]:
    with misbehaving.serving(service) as address:
        yield address


def run(itest: Itest, url: str, scenarios: str, *flags: str, **variables: str) -> Finished:
    """Run a profile of these scenarios (YAML, a list)."""
    profile = itest.profile(f"version: 1\nname: mine\nscenarios:\n{scenarios}")
    return itest("run", "-p", profile, "--target", url, *flags, **variables)


def reasons(done: Finished) -> list[Any]:
    return [scenario["reason"] for scenario in done.run["scenarios"]]


@pytest.mark.parametrize("last_words", ["sys.exit(0)", "raise GeneratorExit", "raise asyncio.CancelledError"])
def test_a_workflow_can_not_end_the_run(itest: Itest, url: str, last_words: str) -> None:
    (itest.folder / "flows.py").write_text(f"{HEAD}    {last_words}\n")
    done = run(itest, url, "  - python: flows.py\n  - {id: after, steps: [{request: {path: /}}]}\n")
    assert done.code == 4, done.text
    assert [scenario["verdict"] for scenario in done.run["scenarios"]] == ["error", "passed"]
    assert "flows.py:6" in reasons(done)[0]


def test_a_task_that_a_workflow_left_behind_makes_no_pass(itest: Itest, url: str) -> None:
    body = "    async def leave():\n        sys.exit(0)\n    asyncio.create_task(leave())\n"
    (itest.folder / "flows.py").write_text(HEAD + body + "    await asyncio.sleep(9)\n    assert 1\n")
    done = run(itest, url, "  - python: flows.py\n")
    assert done.code == 130, done.text


def test_a_file_that_ends_the_process_when_it_is_loaded_is_an_error(itest: Itest, url: str) -> None:
    (itest.folder / "flows.py").write_text(HEAD + "    assert 1\n\nsys.exit(0)\n")
    done = run(itest, url, "  - python: flows.py\n")
    assert done.code == 4, done.text
    assert "can't be loaded" in reasons(done)[0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("    async with asyncio.timeout(0.01):\n        await asyncio.sleep(9)\n", 4),
        (IN_A_TASK % "assert 1 == 2", 1),
        (IN_A_TASK % "int('x')", 4),
    ],
)
def test_what_a_workflows_tasks_raise_is_the_scenarios_and_ends_no_run(
    itest: Itest, url: str, body: str, code: int
) -> None:
    (itest.folder / "flows.py").write_text(HEAD + body)
    done = run(itest, url, "  - python: flows.py\n  - {id: after, steps: [{request: {path: /}}]}\n")
    assert done.code == code, done.text
    assert done.run["scenarios"][1]["verdict"] == "passed"
    assert "flows.py:" in reasons(done)[0]


def test_a_load_is_held_to_what_nobody_asks_about(itest: Itest, url: str) -> None:
    load = "load: {request: {path: %s}, rate: 20/s, duration: 1s%s}, save: load"
    unasked, asked = load % ("/500", ""), load % ("/500", "")
    aborted = load.replace("1s", "9s") % ("/500", ", abort_on: {error_ratio: 5%}, abort_after: 0.5s")
    scenarios = (
        f"  - {{id: unasked, steps: [{{{unasked}}}], gates: [load.requests >= 1]}}\n"
        f"  - {{id: asked, steps: [{{{asked}}}], gates: [load.error_ratio == 1]}}\n"
        f"  - {{id: unjudged, steps: [{{{load % ('/', '')}}}]}}\n"
        f"  - {{id: aborted, steps: [{{{aborted}}}], gates: [load.requests >= 1]}}\n"
        f"  - {{id: known, steps: [{{{aborted}}}], gates: [load.aborted == true]}}\n"
    )
    done = run(itest, url, scenarios)
    assert done.code == 1, done.text
    found = {scenario["id"]: (scenario["verdict"], scenario["reason"]) for scenario in done.run["scenarios"]}
    assert {name: verdict for name, (verdict, _) in found.items()} == {
        "unasked": "failed",
        "asked": "passed",
        "unjudged": "inconclusive",
        "aborted": "failed",
        "known": "passed",
    }
    assert "20 of 20 requests failed, and no condition asks how many may" in found["unasked"][1]
    assert "it ended itself: error_ratio was 1" in found["aborted"][1]


def test_a_target_that_changes_under_way_is_no_pass(itest: Itest) -> None:
    asked = [0]

    def deployed_meanwhile(head: str, connection: misbehaving.Connection) -> None:
        asked[0] += "/health" in head
        connection.answer(200, f'{{"version": "1.{asked[0]}"}}')

    with misbehaving.serving(deployed_meanwhile) as url:
        done = run(itest, url, "  - {id: a, steps: [{request: {path: /}}]}\n")
    assert done.code == 4, done.text
    assert "the target changed under way: its version was 1.1, and is 1.2" in done.text


@pytest.mark.parametrize(
    ("path", "code", "more"),
    [
        ("/", 0, ()),
        ("/500", 1, ()),
        ("/500", 1, ("--save-baseline", "b")),
        ("/500", 1, ("--every", "1s", "--repeat", "2")),
    ],
)
def test_who_stops_reading_changes_no_exit_code(
    itest: Itest, url: str, path: str, code: int, more: tuple[str, ...]
) -> None:
    text = f"version: 1\nname: mine\nscenarios:\n  - {{id: a, steps: [{{request: {{path: {path}}}}}]}}\n"
    process = itest.start("run", "-p", itest.profile(text), "--target", url, *more)
    unread = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    for stream in unread:
        stream.close()
    ended = threading.Event()
    threading.Thread(target=lambda: (process.wait(60), ended.set()), daemon=True).start()
    assert ended.wait(90)
    assert process.returncode == code


def test_a_screen_that_knows_no_tick_is_told_in_what_it_knows(itest: Itest, url: str) -> None:
    scenarios = "  - {id: a, steps: [{request: {path: /}}]}\n  - {id: b, steps: [{request: {path: /500}}]}\n"
    done = run(itest, url, scenarios, PYTHONIOENCODING="ascii")
    assert done.code == 1, done.text
    assert "1 passed, 1 failed" in done.out


def test_a_secret_given_by_name_is_nowhere(itest: Itest, url: str) -> None:
    text = (
        "version: 1\nname: mine\nvars: {api_token: none}\nscenarios:\n"
        "  - id: a\n    steps:\n      - request:\n          path: /x?q=${{ vars.api_token }}\n"
        "          headers: {X-Own: '${{ vars.api_token }}'}\n          status: 201\n"
    )
    profile, given = itest.profile(text), "vars.api_token=zx-81-quite"
    done = itest(
        "run", "-p", profile, "--target", url, "--set", given, "--report", "html,json,junit,markdown"
    )
    assert done.code == 1, done.text
    written = [path for path in (itest.folder / "reports").rglob("*") if path.is_file()]
    assert len(written) >= 5
    assert not [path for path in written if b"zx-81-quite" in path.read_bytes()]
    assert "zx-81-quite" not in done.text


def test_an_old_pass_in_the_place_of_latest_is_never_read_as_the_newest_run(itest: Itest, url: str) -> None:
    good, bad = (
        "  - {id: a, steps: [{request: {path: /}}]}\n",
        "  - {id: a, steps: [{request: {path: /500}}]}\n",
    )
    assert run(itest, url, good).code == 0
    latest = itest.folder / "reports" / "latest"
    passed = latest.resolve()
    latest.unlink()
    shutil.copytree(passed, latest)  # what caches and artifact stores make of the link
    failed = run(itest, url, bad, "--quiet")
    assert failed.code == 1, failed.text
    assert "reports/latest can't be made to point at this run" in failed.err
    for command in (("report", "reports/latest"), ("report",), ("rerun", "--failed"), ("resume",)):
        read = itest(*command)
        assert read.code == 2, (command, read.text)
        assert "is not the newest run" in read.err
    newest = next(path for path in passed.parent.glob("2*") if path != passed and not path.is_symlink())
    assert itest("report", str(newest)).code == 1
    assert "can't be made to point" in (newest / "report.html").read_text()


def other_service(head: str, connection: misbehaving.Connection) -> None:
    """Somebody else's service: it knows /predict, and says of everything else that it doesn't, in JSON."""
    known = " /predict" in head
    connection.answer(200 if known else 404, '{"v": 1}' if known else '{"detail": "Not Found"}')


@pytest.fixture
def other() -> Iterator[str]:
    with misbehaving.serving(other_service) as address:
        yield address


@pytest.mark.parametrize(
    "scenario",
    [
        "{id: a, steps: [{upload_dataset: {dataset: d}}]}",
        "{id: a, steps: [{repeat: {times: 2, steps: [{upload_dataset: {dataset: d}}]}}]}",
        "{id: a, steps: [{fault: {inject: {slow_clients: {lasts: 1s}}}}]}",
        "{id: a, steps: [{python: 'flows.py::flow'}]}",
    ],
)
def test_a_service_that_does_not_speak_the_platforms_api_is_told_once(
    itest: Itest, other: str, scenario: str
) -> None:
    (itest.folder / "flows.py").write_text(
        HEAD.replace("flow()", "flow(integration_helper)") + "    assert 1\n"
    )
    profile = itest.profile(
        "version: 1\nname: mine\ndatasets: {d: {kind: gaussian, rows: 20, features: 2}}\n"
        f"scenarios:\n  - {scenario}\n  - {{id: b, steps: [{{request: {{path: /predict}}}}]}}\n"
    )
    done = itest("run", "-p", profile, "--target", other)
    assert done.code == 3, done.text
    assert done.out.count("does not look like the platform") == 1
    assert "answered 404 with application/json" in done.out
    assert "1 failed" not in done.out


@pytest.mark.parametrize("parameters", ["", "expect", "test_settings, measurements, tmp_folder"])
def test_a_workflow_that_asks_for_nothing_of_the_platform_runs_on_any_service(
    itest: Itest, other: str, parameters: str
) -> None:
    (itest.folder / "flows.py").write_text(
        HEAD.replace("flow()", f"flow({parameters})") + "    assert 1 == 1\n"
    )
    done = run(itest, other, "  - python: flows.py\n")
    assert done.code == 0, done.text


def test_a_login_that_the_target_does_not_have_is_no_failure_of_the_target(itest: Itest, other: str) -> None:
    steps = "[{request: {path: /predict, auth: none}}]", "[{request: {path: /predict}}]"
    scenarios = "".join(f"  - {{id: s{number}, steps: {each}}}\n" for number, each in enumerate(steps))
    done = run(itest, other, scenarios, "--user", "ada", PYNOMALY_ITEST_PASSWORD="hunter22-long")
    assert [scenario["verdict"] for scenario in done.run["scenarios"]] == ["passed", "skipped"], done.text
    assert "the target has no login" in reasons(done)[1]


@pytest.mark.parametrize(("last_words", "told"), [("/die", True), ("/500", False)])
def test_after_a_scenario_that_could_not_reach_the_target_the_rest_are_not_run(
    itest: Itest, last_words: str, told: bool
) -> None:
    gone: list[str] = []

    def mortal(head: str, connection: misbehaving.Connection) -> None:
        if " /die" in head:
            gone.append(head)
        if not gone:
            connection.answer(500 if " /500" in head else 200, '{"version": "1"}')
        else:
            connection.connection.close()

    steps = [f"{{request: {{path: {path}}}}}" for path in ("/", last_words, "/", "/")]
    scenarios = "".join(f"  - {{id: s{number}, steps: [{each}]}}\n" for number, each in enumerate(steps))
    with misbehaving.serving(mortal) as url:
        done = run(itest, url, scenarios)
    verdicts = [scenario["verdict"] for scenario in done.run["scenarios"]]
    assert verdicts == ["passed", "failed", *(["error"] * 2 if told else ["passed"] * 2)], done.text
    assert all(
        str(each).startswith("not run: the target stopped answering: GET ") is told
        for each in reasons(done)[2:]
    )
