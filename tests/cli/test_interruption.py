"""Whatever ends a run, nothing stays behind: no process, no folder; and what was measured is kept."""

from __future__ import annotations

import json
import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import misbehaving
import psutil
import pytest
from command_line import Itest, Platform, start_platform, wait_for

SLOW = """
version: 1
name: slow
datasets: {data: {kind: gaussian, rows: 200, features: 3, contamination: 0.1, seed: 1}}
scenarios:
  - id: quick
    steps: [{request: {path: /api/v1/health}}]
  - id: long
    steps:
      - upload_dataset: {dataset: data}
      - measure: {step: {request: {path: /api/v1/health}}, repeat: 1000000, warmup: 0}
  - id: never
    steps: [{request: {path: /}}]
"""


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The tool's children and theirs: the supervisor, the platform, its workers."""
    return psutil.Process(process.pid).children(recursive=True)


def data_folders(processes: list[psutil.Process]) -> list[Path]:
    found = []
    for process in processes:
        words = process.cmdline()
        found += [Path(after).parent for word, after in pairwise(words) if word == "--data-dir"]
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_a_step_leaves_a_partial_report_and_nothing_else(
    itest: Itest, number: signal.Signals
) -> None:
    process = itest.start("run", "-p", itest.profile(SLOW))
    itest.wait_for_event("resource_created")
    relatives = family(process)
    folders = data_folders(relatives)
    assert len(relatives) >= 2
    assert folders
    process.send_signal(number)
    done = itest.finish(process)
    assert done.code == 130, done.text
    assert "INTERRUPTED" in done.out
    assert "Traceback" not in done.text
    verdicts = {scenario["id"]: scenario["verdict"] for scenario in done.run["scenarios"]}
    assert verdicts == {"quick": "passed", "long": "error", "never": "error"}
    assert (itest.folder / "reports" / "latest" / "report.html").exists()
    _, alive = psutil.wait_procs(relatives, timeout=15)
    assert alive == []
    assert not any(folder.exists() for folder in folders)


def test_ctrl_c_while_the_target_starts(itest: Itest) -> None:
    process = itest.start("run", "-p", itest.profile(SLOW))
    itest.wait_for_event("run_started")
    wait_for(lambda: len(family(process)) >= 1, "the supervisor")
    relatives = family(process)
    process.send_signal(signal.SIGINT)
    done = itest.finish(process)
    assert done.code == 130, done.text
    assert [scenario["verdict"] for scenario in done.run["scenarios"]] == ["error"] * 3
    _, alive = psutil.wait_procs(relatives, timeout=15)
    assert alive == []


def test_ctrl_c_on_a_url_takes_away_what_was_created_there(itest: Itest, platform: Platform) -> None:
    process = itest.start("run", "-p", itest.profile(SLOW), *platform.flags, **platform.variables)
    created = itest.wait_for_event("resource_created")
    process.send_signal(signal.SIGINT)
    done = itest.finish(process)
    assert done.code == 130, done.text
    removed = itest.wait_for_event("resource_removed", timeout_s=1)
    assert removed["id"] == created["id"]


def test_a_killed_tool_leaves_no_process_no_folder_and_a_readable_log(itest: Itest) -> None:
    process = itest.start("run", "-p", itest.profile(SLOW))
    itest.wait_for_event("resource_created")
    relatives = family(process)
    folders = data_folders(relatives)
    process.kill()
    process.communicate(timeout=30)
    _, alive = psutil.wait_procs(relatives, timeout=15)
    assert alive == []
    wait_for(lambda: not any(folder.exists() for folder in folders), "the data folder is gone", 10)
    (log,) = (itest.folder / "reports").glob("2*")
    done = itest("report", str(log), "--format", "json")
    assert done.code == 4, done.text
    run = json.loads((log / "run.json").read_text())
    assert [scenario["verdict"] for scenario in run["scenarios"]] == ["passed", "error", "error"]
    assert "killed" in run["scenarios"][1]["reason"]


def test_a_killed_supervisor_takes_the_platform_with_it(itest: Itest) -> None:
    process = itest.start("run", "-p", itest.profile(SLOW))
    itest.wait_for_event("resource_created")
    relatives = family(process)
    relatives[0].kill()
    done = itest.finish(process)
    assert done.code == 1, done.text
    _, alive = psutil.wait_procs(relatives[1:], timeout=15)
    assert alive == []


def test_a_platform_that_dies_in_a_run_is_red_and_shows_its_last_words(itest: Itest) -> None:
    process = itest.start("run", "-p", itest.profile(SLOW))
    itest.wait_for_event("resource_created")
    (server,) = [
        each for each in family(process) if "serve" in each.cmdline() and each.parent().pid != process.pid
    ]
    server.kill()
    done = itest.finish(process)
    assert done.code == 1, done.text
    _, dying, after = done.run["scenarios"]
    assert dying["verdict"] == "failed"
    assert after["verdict"] == "error"  # nothing was there to misbehave
    assert "the bundled platform ended by itself" in after["reason"]
    assert "diagnostics_collected" in (itest.folder / "reports" / "latest" / "run.jsonl").read_text()


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with misbehaving.serving(misbehaving.html) as url:
        process = start_platform(tmp_path, port=int(url.rpartition(":")[2]))
        assert process.wait(60) != 0
    log = (tmp_path / "log").read_text()
    assert "in use" in log
    assert "Traceback" not in log


def test_the_time_for_the_whole_run_ends_it(itest: Itest, platform: Platform) -> None:
    done = itest("run", "-p", itest.profile(SLOW), "--timeout", "2", *platform.flags, **platform.variables)
    assert done.code == 4, done.text  # that we took no more time says nothing about the target
    reasons = {scenario["id"]: scenario["reason"] for scenario in done.run["scenarios"]}
    assert "was over" in reasons["long"]
    assert "--timeout 2 was over" in reasons["never"]
