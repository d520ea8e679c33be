"""compare, noise and baseline as a user has them: real builds in real processes."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import Itest, Platform, serving, start_platform, wait_for

import pynomaly

pytestmark = pytest.mark.serial

QUICK = ("--seconds", "0.3", "--metric", "cpu,memory", "--budget", "100s")


def record(itest: Itest, name: str = "compare") -> dict[str, Any]:
    [path] = sorted(itest.folder.glob(f"reports/*-{name}*/{name}.json"))[-1:]
    loaded = json.loads(path.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture
def slower(tmp_path: Path) -> str:
    """This very platform, but each request costs it a millisecond or so more."""
    folder = tmp_path / "slower"
    shutil.copytree(Path(pynomaly.__file__).parent, folder / "pynomaly")  # with the compiled kernels
    server = folder / "pynomaly" / "server.py"
    text = server.read_text()
    assert text.count("        app,\n") == 1
    server.write_text(text.replace("        app,\n", "        _burdened(app),\n") + _BURDEN)
    return str(folder)


_BURDEN = """

def _burdened(app):
    async def called(scope, receive, send):
        if scope["type"] == "http":
            sum(number * number for number in range(20_000))
        await app(scope, receive, send)

    return called
"""


@pytest.mark.thorough
def test_a_slower_build_is_found_by_what_it_costs_and_not_by_what_it_keeps(itest: Itest, slower: str) -> None:
    done = itest("compare", "bundled", slower, *QUICK)
    assert done.code == 1, done.text
    assert "worse: cpu" in done.out
    assert max(map(len, done.out.splitlines())) <= 80 or "report:" in done.out
    kept = record(itest)
    assert kept["verdict"] == "failed"
    assert {each["name"]: each["verdict"] for each in kept["metrics"]} == {
        "cpu": "failed",
        "memory": "passed",
    }
    assert list((itest.folder / "reports").glob("*/compare.html"))
    assert not _serving(itest.started[0].pid)


def test_ctrl_c_leaves_no_process(itest: Itest) -> None:
    process = itest.start("compare", "bundled", "bundled", "--budget", "60s", "--metric", "cpu")
    children = wait_for(lambda: _serving(process.pid), "a platform")
    process.send_signal(signal.SIGINT)
    done = itest.finish(process)
    assert done.code == 130, done.text
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
    assert record(itest)["exit_code"] == 130


def _serving(pid: int) -> list[psutil.Process]:
    """The platforms below this process."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                found += [child] if "serve" in child.cmdline() else []
    return found


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Platform]:
    """Another platform that is not ours to start afresh."""
    folder = tmp_path / "second"
    folder.mkdir()
    with serving(start_platform(folder), folder) as platform:
        yield platform


def test_two_services_are_compared_and_left_clean(itest: Itest, platform: Platform, second: Platform) -> None:
    done = itest(
        *("compare", platform.url, second.url, "--user", platform.user, "--metric", "p50"),
        *("--forbid", "p50=900%", "--ignore", "p50=500%", "--seconds", "0.2"),
        **platform.variables,
    )
    assert done.code == 0, done.text
    assert "weaker claim" in done.out
    kept = record(itest)
    assert (kept["kind"], kept["notes"][0][:15]) == ("services", "A weaker claim:")


def test_a_service_is_not_compared_with_itself(itest: Itest, platform: Platform) -> None:
    same = platform.url.replace("127.0.0.1", "localhost")
    done = itest("compare", platform.url, same, "--user", platform.user, **platform.variables)
    assert done.code == 2, done.text
    assert "the same service" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere", "bundled"), 2, "nothing that can be compared"),
        (("bundled", "bundled", "--metric", "speed"), 2, "no metric 'speed'"),
        (("bundled", "bundled", "--budget", "soon"), 2, "--budget"),
        (
            ("bundled", "bundled", "-p", "smoke", "--scenario", "openapi"),
            5,
            "no scenario of the profile measures",
        ),
        (("bundled", "http://127.0.0.1:9"), 3, "connection refused"),
        (("http://example.org", "bundled"), 2, "--authorisations"),
    ],
)
def test_what_can_not_be_compared(itest: Itest, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = itest("compare", *arguments)
    assert done.code == code, done.text
    assert said in done.err
    assert "Traceback" not in done.err


def test_two_runs_and_a_baseline(itest: Itest, platform: Platform) -> None:
    for _ in range(2):
        ran = itest("run", "-p", "smoke", "-q", *platform.flags, **platform.variables)
        assert ran.code == 0, ran.text
    one, other = (str(path) for path in sorted((itest.folder / "reports").glob("2*-smoke*")))
    done = itest("compare", one, other)
    assert done.code == 0, done.text
    assert "not judged" in done.out
    assert itest("compare", one, "bundled").code == 2

    assert itest("baseline", "save", one, "main").code == 0
    assert "already" in itest("baseline", "save", one, "main").err
    assert "smoke" in itest("baseline", "list").out
    assert "can't be started again" in itest("baseline", "show", "main").out
    held = itest("run", "-p", "smoke", "-q", "--baseline", "main", *platform.flags, **platform.variables)
    assert held.code == 0, held.text
    events = [
        json.loads(line)
        for line in (itest.folder / "reports" / "latest" / "run.jsonl").read_text().splitlines()
        if '"event":"baseline_compared"' in line
    ]
    assert {each["verdict"] for each in events} == {"passed", "skipped"}
    assert itest("baseline", "remove", "main").code == 0
    missing = itest("run", "-p", "smoke", "--baseline", "main")
    assert (missing.code, "there is no baseline 'main'" in missing.err) == (2, True)
