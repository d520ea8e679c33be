"""`history` and `report --serve` through the real command line, and what GitHub Actions is told of a real run."""

from __future__ import annotations

import json
import re
import signal
import urllib.request

import pytest
from command_line import Itest, Platform
from past_runs import HOSTILE, write_run

PROFILE = """
version: 1
name: mine
scenarios:
  - id: up
    steps: [{request: {path: /api/v1/health/live}, expect: [status == 200]}]
  - id: never
    steps: [{request: {path: /nope, auth: none}, expect: [status == 200]}]
"""


def test_runs_and_trends_fit_eighty_columns(itest: Itest) -> None:
    for day in range(1, 25):
        write_run(itest.folder / "reports", day, 30 if day < 16 else 61, title=HOSTILE)
    done = itest("history")
    assert done.code == 0, done.text
    lines = done.out.splitlines()
    assert lines[0] == "performance on bundled, 24 runs"
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.out
    assert sum(line.startswith("✗") for line in lines) == 9
    (trend,) = (line for line in lines if "detect.latency_ms.p95" in line)
    assert "▁▁▁▁▁▁▁▁▁▁▁█████████" in trend
    assert "61 ms  <= 50 ms" in trend
    assert any("worse: from 30 ms to 61 ms" in line for line in lines), done.out


def test_json_and_a_profile(itest: Itest) -> None:
    write_run(itest.folder / "reports", 1, 30)
    write_run(itest.folder / "reports", 2, 31)
    write_run(itest.folder / "reports", 3, 30, profile="smoke")
    done = itest("history", "--json", "-p", "performance")
    loaded = json.loads(done.out)
    assert [run["profile"] for run in loaded["runs"]] == ["performance", "performance"]
    (group,) = loaded["trends"]
    p95 = next(figure for figure in group["figures"] if figure["name"] == "detect.latency_ms.p95")
    assert (p95["values"], p95["limit"]) == ([30, 31], 50)


def test_bad_input_is_told(itest: Itest) -> None:
    absent = itest("history", "nowhere")
    assert (absent.code, "no folder nowhere" in absent.err) == (2, True)
    (itest.folder / "reports").mkdir()
    assert itest("history").out == "no runs here\n"
    assert itest("report", "reports/none", "--serve").code == 2
    assert "--serve shows everything" in itest("history", "--serve", "--json").err


@pytest.mark.parametrize(
    ("command", "page"), [(("history", "--serve"), "/"), (("report", "--serve"), "/report.html")]
)
def test_it_serves_until_ctrl_c(itest: Itest, command: tuple[str, ...], page: str) -> None:
    folder = write_run(itest.folder / "reports", 1, 30)
    (folder.parent / "latest").symlink_to(folder.name)
    process = itest.start(*command)
    assert process.stdout is not None
    url = re.search(r"http://127\.0\.0\.1:\d+/\S*", process.stdout.readline())
    assert url is not None
    assert url.group().endswith(page)
    with urllib.request.urlopen(url.group(), timeout=10) as reply:  # noqa: S310 - ours, on this machine
        assert b"performance" in reply.read()
    process.send_signal(signal.SIGINT)
    done = itest.finish(process)
    assert (done.code, done.err) == (0, "")


def test_github_is_told_by_itself(itest: Itest, platform: Platform) -> None:
    summary = itest.folder / "summary.md"
    profile = itest.profile(PROFILE)
    done = itest(
        "run",
        "-p",
        profile,
        *platform.flags,
        **platform.variables,
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_WORKSPACE=str(itest.folder),
    )
    assert done.code == 1, done.text
    lines = done.out.splitlines()
    stop = next(line for line in lines if line.startswith("::stop-commands::")).removeprefix(
        "::stop-commands::"
    )
    after = lines[lines.index(f"::{stop}::") + 1 :]
    assert lines[0] == f"::stop-commands::{stop}"
    assert after
    assert all(line.startswith("::error ") for line in after)
    assert "never" in after[0]
    assert "file=mine.yaml,line=" in after[0]
    assert summary.read_text().startswith("## ❌ Failed: mine")
