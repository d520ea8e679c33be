"""A run in progress, read as its log grows: whole lines only, and how it ended."""

from __future__ import annotations

from pathlib import Path

from past_runs import HOSTILE, write_run

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import RunFinished, ScenarioFinished
from pynomaly_itest.history.live import LiveRun
from pynomaly_itest.history.progress import ProgressFile, progress_of
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.verdicts import Verdict


def test_it_follows_the_log(tmp_path: Path) -> None:
    path = write_run(tmp_path, 3, 30, finished=False) / "run.jsonl"
    log, live = EventLog(path, Redactor()), LiveRun(path)
    state = live.state()
    assert (state["state"], state["planned"], state["ended"]) == ("running", 2, 1)
    assert [one["state"] for one in state["scenarios"]] == ["passed", "running"]
    assert state["scenarios"][1]["doing"] == "upload_dataset"
    assert len(state["memory"]) == 20
    log.record(
        ScenarioFinished,
        scenario="upload",
        verdict=Verdict.FAILED,
        reason="no",
        started_s=2.5,
        duration_s=1.0,
    )
    state = live.state()
    assert (state["ended"], state["counts"]["failed"]) == (2, 1)
    assert state["told"][-1]["text"] == "no"
    log.record(RunFinished, duration_s=4.0)
    log.close()
    assert live.state()["state"] == "ended"


def test_it_tells_how_far_a_step_is(tmp_path: Path) -> None:
    path = write_run(tmp_path, 3, 30, finished=False) / "run.jsonl"
    told, now = ProgressFile(path.parent, clock=lambda: now[0]), [0.0]
    log, live = EventLog(path, Redactor(), listeners=(told,)), LiveRun(path)
    log.progress("upload", f"upload_dataset 48/s, p95 4.1 ms {HOSTILE}")
    doing = live.state()["scenarios"][1]["doing"]
    assert doing.startswith("upload_dataset 48/s, p95 4.1 ms </script>")
    assert "\x1b" not in doing
    log.progress("upload", "too soon to be written")
    assert "48/s" in live.state()["scenarios"][1]["doing"]
    now[0] = 1.0
    log.progress("upload", "later")
    assert live.state()["scenarios"][1]["doing"] == "later"
    told.close()
    assert live.state()["scenarios"][1]["doing"] == "upload_dataset"
    assert [each.name for each in path.parent.iterdir()] == ["run.jsonl"]
    log.close()


def test_progress_that_is_none_of_ours_is_passed_over(tmp_path: Path) -> None:
    for text in ("", "[1]", "{", "null"):
        (tmp_path / ".progress.json").write_text(text)
        assert progress_of(tmp_path) == {}
    ProgressFile(tmp_path / "absent").progress("a", "nothing can be written here")


def test_a_line_that_is_not_whole_waits(tmp_path: Path) -> None:
    path = write_run(tmp_path, 3, 30, finished=False) / "run.jsonl"
    whole = path.read_bytes()
    cut = whole.rindex(b"\n", 0, len(whole) - 1) + 20
    path.write_bytes(whole[:cut])
    live = LiveRun(path)
    assert live.state()["scenarios"][1]["doing"] == ""
    path.write_bytes(whole)
    assert live.state()["scenarios"][1]["doing"] == "upload_dataset"
    assert not any("could not be read" in one["text"] for one in live.state()["told"])


def test_a_killed_run_has_stopped(tmp_path: Path) -> None:
    path = write_run(tmp_path, 3, 30, finished=False, title=HOSTILE) / "run.jsonl"
    state = LiveRun(path).state()
    assert state["state"] == "stopped"
    assert "\x1b" not in str(state)


def test_nonsense_in_the_log_is_told_and_passed_over(tmp_path: Path) -> None:
    path = write_run(tmp_path, 3, 30) / "run.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event":"from_the_future"}\n')
    state = LiveRun(path).state()
    assert state["ended"] == 2
    assert "could not be read" in state["told"][-1]["text"]
