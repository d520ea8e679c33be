"""The log holds what happened, redacted; and says so where it can't be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pynomaly_itest.errors import EvidenceLost, UsageError
from pynomaly_itest.eventlog import EventLog, is_being_written
from pynomaly_itest.events import Exchange, StepFinished, Warned, read_log
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.verdicts import Verdict


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Ear:
    def __init__(self) -> None:
        self.events: list[Any] = []
        self.texts: list[str] = []

    def heard(self, event: Any) -> None:
        self.events.append(event)

    def progress(self, scenario: str, text: str) -> None:
        self.texts.append(f"{scenario}: {text}")


def test_an_event_is_written_at_once_with_the_runs_own_time(tmp_path: Path) -> None:
    clock, ear = Clock(), Ear()
    log = EventLog(tmp_path / "run.jsonl", Redactor(("s3cret",)), listeners=(ear,), clock=clock)
    clock.now = 101.5
    log.record(Warned, message="the password is s3cret")
    (event,) = read_log(tmp_path / "run.jsonl")
    assert (event.at_s, event.message) == (1.5, "the password is [redacted]")
    assert [heard.event for heard in ear.events] == ["warned"]
    log.progress("a", "half way")
    assert ear.texts == ["a: half way"]
    log.close()


def test_a_full_disk_is_told_and_what_was_written_stays() -> None:
    log = EventLog(Path("/dev/full"), Redactor())
    with pytest.raises(EvidenceLost, match="No space left on device"):
        log.record(Warned, message="x")
    log.close()


def test_a_folder_that_is_not_there_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(EvidenceLost, match="No such file"):
        EventLog(tmp_path / "gone" / "run.jsonl", Redactor())


def test_a_line_cut_by_a_kill_is_passed_over_and_one_in_the_middle_is_not(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    log = EventLog(path, Redactor())
    log.record(Warned, message="whole")
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert [event.message for event in read_log(path)] == ["whole"]
    path.write_bytes(whole[:20] + b"\n" + whole)
    with pytest.raises(UsageError, match=r"run\.jsonl:1 is not an event"):
        list(read_log(path))


def test_half_a_surrogate_pair_from_a_target_does_not_end_the_run(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "run.jsonl", Redactor())
    log.record(Warned, message="it said \ud800!")
    log.close()
    assert [event.message for event in read_log(tmp_path / "run.jsonl")] == ["it said ?!"]


@pytest.mark.parametrize(
    "secret", ["event", "failed", "null", '"at_s"', "scenario", "gate_judged", "1234", "verdict"]
)
def test_a_secret_that_is_a_word_of_the_log_leaves_it_readable(tmp_path: Path, secret: str) -> None:
    log = EventLog(tmp_path / "run.jsonl", Redactor((secret,)))
    exchange = Exchange(method="GET", url=f"http://x/{secret}", reply_headers={"x-a": f"1{secret}"})
    log.record(
        StepFinished,
        scenario="upload",
        index=0,
        phase="steps",
        kind="request",
        verdict=Verdict.FAILED,
        reason=f"{secret}!",
        started_s=0.1234,
        duration_s=1.1234,
        values={secret: 1234.5, "text": secret},
        exchange=exchange,
    )
    (event,) = read_log(tmp_path / "run.jsonl")
    assert (event.verdict, event.duration_s, event.reason) == (Verdict.FAILED, 1.1234, "[redacted]!")
    assert event.values == {"[redacted]": 1234.5, "text": "[redacted]"}
    assert (event.exchange.url, event.exchange.reply_headers) == (
        "http://x/[redacted]",
        {"x-a": "1[redacted]"},
    )
    log.close()


def test_who_listens_hears_no_secret_either(tmp_path: Path) -> None:
    ear = Ear()
    log = EventLog(tmp_path / "run.jsonl", Redactor(("s3cret",)), listeners=(ear,))
    log.record(Warned, message="the target echoes s3cret")
    log.progress("a", "try 1: 's3cret' == 'x' does not hold")
    log.close()
    assert [heard.message for heard in ear.events] == ["the target echoes [redacted]"]
    assert ear.texts == ["a: try 1: '[redacted]' == 'x' does not hold"]


def test_a_log_says_whether_it_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    log = EventLog(path, Redactor())
    assert is_being_written(path)
    second = EventLog(path, Redactor())
    log.close()
    assert is_being_written(path)
    second.close()
    assert not is_being_written(path)
