"""Ways in which a run could have ended as a pass without having looked: each tried on the real command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import misbehaving
import pytest
from command_line import Finished, Itest

BODIES = {
    "/nan": '{"v": NaN}',
    "/infinite": '{"v": Infinity, "w": 1e999}',
    "/list": json.dumps({"items": list(range(50))}),
    "/surrogate": '{"t": "\\ud800"}',
    "/tokens": json.dumps(
        {"access_token": "eyJhbGciOiJIUzI1.eyJzdWIiOiJhYmNk.c2lnbmF0dXJl", "pin_secret": "zx-81"}
    ),
}


IN_A_TASK = (
    "    async def one():\n        %s\n"
    "    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(one())\n"
)


def service(head: str, connection: misbehaving.Connection) -> None:
    """A JSON body for each path; /500 fails."""
    path = head.split(" ")[1].partition("?")[0]
    connection.answer(500 if path == "/500" else 200, BODIES.get(path, '{"v": 1, "version": "1.0"}'))


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


@pytest.mark.parametrize("last_words", ["raise SystemExit(0)", "raise GeneratorExit"])
def test_a_workflow_can_not_end_the_run(itest: Itest, url: str, last_words: str) -> None:
    flow = (
        f"from pynomaly_itest.testing import scenario\n\n@scenario()\nasync def flow():\n    {last_words}\n"
    )
    (itest.folder / "flows.py").write_text(flow)
    done = run(itest, url, "  - python: flows.py\n  - {id: after, steps: [{request: {path: /}}]}\n")
    assert done.code == 4, done.text
    assert [scenario["verdict"] for scenario in done.run["scenarios"]] == ["error", "passed"]
    assert "flows.py:5" in reasons(done)[0]


def test_a_file_that_ends_the_process_when_it_is_loaded_is_an_error(itest: Itest, url: str) -> None:
    flow = "from pynomaly_itest.testing import scenario\n\n@scenario()\nasync def flow():\n    assert 1\n"
    flow += "\nraise SystemExit(0)\n"
    (itest.folder / "flows.py").write_text(flow)
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
    flow = f"import asyncio\nfrom pynomaly_itest.testing import scenario\n\n@scenario()\nasync def flow():\n{body}"
    (itest.folder / "flows.py").write_text(flow)
    done = run(itest, url, "  - python: flows.py\n  - {id: after, steps: [{request: {path: /}}]}\n")
    assert done.code == code, done.text
    assert done.run["scenarios"][1]["verdict"] == "passed"
    assert "flows.py:" in reasons(done)[0]
