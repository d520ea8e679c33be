"""A folder of runs as it is found: what is a run, what is not, and what can't be read is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from past_runs import HOSTILE, write_run

from pynomaly_itest.errors import UsageError
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.history.archive import Archive
from pynomaly_itest.history.past import Key
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.report.gates import left_side
from pynomaly_itest.verdicts import Verdict


def test_runs_are_found_oldest_first_and_links_are_not_runs(tmp_path: Path) -> None:
    newest = write_run(tmp_path, 9, 30)
    write_run(tmp_path, 3, 60)
    (tmp_path / "latest").symlink_to(newest.name)
    (tmp_path / "20260310T000000Z-compare").mkdir()
    (tmp_path / "notes.txt").write_text("no run")
    runs = Archive(tmp_path).look().runs
    assert [run.name for run in runs] == ["20260303T101500Z-performance", "20260309T101500Z-performance"]
    assert [run.verdict for run in runs] == [Verdict.FAILED, Verdict.PASSED]
    assert [run.state for run in runs] == ["ended", "ended"]


def test_figures_are_what_gates_judged_and_what_none_did(tmp_path: Path) -> None:
    write_run(tmp_path, 3, 30)
    figures = Archive(tmp_path).look().runs[0].figures
    p95 = figures[Key("detection", "detect.latency_ms.p95")]
    assert (p95.value, p95.limit, p95.op, p95.unit, p95.verdict) == (30, 50, "<=", "ms", Verdict.PASSED)
    assert figures[Key("detection", "detect.latency_ms.p50")].limit is None


def test_a_forged_log_has_its_time_on_one_line(tmp_path: Path) -> None:
    log = write_run(tmp_path, 3, 30) / "run.jsonl"
    first, rest = log.read_text().split("\n", 1)
    told = {**json.loads(first), "started_at": "2026-\n\x1b[31mX"}
    log.write_text(f"{json.dumps(told)}\n{rest}")
    assert Archive(tmp_path).look().runs[0].started_at == "2026- X"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    write_run(tmp_path, 3, 30)
    bad = tmp_path / "20260304T000000Z-bad"
    bad.mkdir()
    (bad / "run.jsonl").write_text("{}\n{}\n")
    empty = tmp_path / "20260305T000000Z-empty"
    empty.mkdir()
    (empty / "run.jsonl").touch()
    found = Archive(tmp_path).look()
    assert len(found.runs) == 1
    assert [one.name for one in found.unreadable] == [bad.name, empty.name]
    assert all(one.why for one in found.unreadable)


def test_a_log_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path, 3, 30)
    (folder / "run.jsonl").chmod(0)
    found = Archive(tmp_path).look()
    (folder / "run.jsonl").chmod(0o600)
    # who is root may read it all the same
    assert [one.name for one in (*found.runs, *found.unreadable)] == [folder.name]


def test_only_the_newest_are_read_and_the_rest_are_counted(tmp_path: Path) -> None:
    for day in range(1, 6):
        write_run(tmp_path, day, 30)
    found = Archive(tmp_path, most=2).look()
    assert [run.name[:8] for run in found.runs] == ["20260304", "20260305"]
    assert found.left_out == 3


def test_a_killed_run_is_no_pass_and_one_under_way_is_running(tmp_path: Path) -> None:
    folder = write_run(tmp_path, 3, 30, finished=False)
    archive = Archive(tmp_path)
    (killed,) = archive.look().runs
    assert (killed.state, killed.verdict) == ("stopped", Verdict.ERROR)
    log = EventLog(folder / "run.jsonl", Redactor())
    assert archive.look().runs[0].state == "running"
    log.close()
    assert archive.look().runs[0].state == "stopped"


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        Archive(tmp_path / "absent").look()
    with pytest.raises(UsageError, match="is one run"):
        Archive(write_run(tmp_path, 3, 30)).look()


def test_texts_are_clean(tmp_path: Path) -> None:
    write_run(tmp_path, 3, 60, profile="performance", title=HOSTILE)
    (run,) = Archive(tmp_path).look().runs
    assert "\x1b" not in str(run)


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("detect.latency_ms.p95 <= benchmarks.x", "detect.latency_ms.p95"),
        ("a == 0", "a"),
        ("a >= 1 and b <= 2", "a"),
        ("resource_cleanup", "resource_cleanup"),
        ("name in ['a', 'b']", "name in ['a', 'b']"),
    ],
)
def test_what_a_gate_measures(expression: str, name: str) -> None:
    assert left_side(expression) == name
