"""A run's log is this user's own where its signature holds, and somebody else's in every other case."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import Warned
from pynomaly_itest.provenance import why_foreign
from pynomaly_itest.redaction import Redactor


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "pynomaly-itest"


def written(folder: Path, *messages: str) -> Path:
    folder.mkdir(exist_ok=True)
    log = EventLog(folder / "run.jsonl", Redactor())
    for message in messages:
        log.record(Warned, message=message)
    log.close()
    return folder / "run.jsonl"


def test_a_log_that_was_written_here_is_ours_and_its_key_is_the_users_alone(
    tmp_path: Path, home: Path
) -> None:
    assert why_foreign(written(tmp_path / "run", "a", "b")) is None
    key = home / "signing.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["signing.key"]


def test_a_log_that_goes_on_later_is_still_ours(tmp_path: Path) -> None:
    written(tmp_path / "run", "a")
    assert why_foreign(written(tmp_path / "run", "b")) is None


@pytest.mark.parametrize("kept", [0, 1, 7])
def test_a_log_whose_last_event_broke_off_is_ours(tmp_path: Path, kept: int) -> None:
    log = written(tmp_path / "run", "a", "b")
    first, second = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first + second[:kept])
    assert why_foreign(log) is None


def test_a_changed_log_is_foreign(tmp_path: Path) -> None:
    log = written(tmp_path / "run", "a", "b", "c")
    content = log.read_bytes()
    for changed in (
        content.replace(b'"a"', b'"x"'),
        content + content.splitlines(keepends=True)[0],
        b"".join(content.splitlines(keepends=True)[:1]),
        b"",
    ):
        log.write_bytes(changed)
        assert why_foreign(log) == "its signature is not this user's, or it was changed afterwards"


def test_a_log_without_a_signature_is_foreign_and_is_not_signed_by_going_on(tmp_path: Path) -> None:
    log = written(tmp_path / "run", "a")
    log.with_name("run.jsonl.sig").unlink()
    assert why_foreign(log) == "it has no signature"
    written(tmp_path / "run", "b")
    assert why_foreign(log) == "it has no signature"


def test_a_log_of_another_user_is_foreign(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path / "run", "a")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert why_foreign(log) == "no run was signed by this user yet"
    written(tmp_path / "own", "a")
    assert "not this user's" in str(why_foreign(log))


@pytest.mark.parametrize("fault", ["others may read it", "it is a link", "it is too short"])
def test_a_key_that_others_may_know_is_not_gone_by(tmp_path: Path, home: Path, fault: str) -> None:
    log = written(tmp_path / "run", "a")
    key = home / "signing.key"
    if fault == "others may read it":
        key.chmod(0o640)
    elif fault == "it is a link":
        key.rename(tmp_path / "key")
        key.symlink_to(tmp_path / "key")
    else:
        key.write_bytes(b"short")
    assert str(key) in str(why_foreign(log))
    assert why_foreign(written(tmp_path / "next", "a")) is not None


def test_without_a_place_for_the_key_a_run_goes_on_unsigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    log = written(tmp_path / "run", "a")
    assert log.read_bytes()
    assert "can't be used" in str(why_foreign(log))
