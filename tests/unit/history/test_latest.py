"""`latest` is the newest run, or the reader is told that it is not: never an old result in the place of the new."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from past_runs import write_run

from pynomaly_itest.comparison.subjects import RunSubject, subject_of
from pynomaly_itest.errors import UsageError
from pynomaly_itest.history.archive import Archive
from pynomaly_itest.history.latest import newest_run, point_latest, run_folder


def test_the_link_is_moved_to_the_new_run(tmp_path: Path) -> None:
    old, new = write_run(tmp_path, 3, 30), write_run(tmp_path, 4, 60)
    assert point_latest(tmp_path, old) is None
    assert point_latest(tmp_path, new) is None
    assert run_folder(tmp_path / "latest") == new.resolve()
    assert run_folder(tmp_path / "latest" / "run.jsonl") == new.resolve()


def test_a_folder_in_the_links_place_is_told_and_kept(tmp_path: Path) -> None:
    shutil.copytree(write_run(tmp_path, 3, 30), tmp_path / "latest")
    new = write_run(tmp_path, 4, 60)
    told = point_latest(tmp_path, new)
    assert told is not None
    assert str(new) in told
    assert not list(tmp_path.glob(".latest*"))
    assert (tmp_path / "latest" / "run.jsonl").is_file()


@pytest.mark.parametrize("name", ["latest", "latest/run.jsonl"])
def test_an_old_copy_is_never_read_as_the_newest(tmp_path: Path, name: str) -> None:
    shutil.copytree(write_run(tmp_path, 3, 30), tmp_path / "latest")
    new = write_run(tmp_path, 4, 60)
    with pytest.raises(UsageError, match=f"{new} is newer"):
        run_folder(tmp_path / name)
    with pytest.raises(UsageError, match="not the newest run"):
        subject_of(str(tmp_path / name))


def test_a_copy_of_the_newest_run_is_read(tmp_path: Path) -> None:
    write_run(tmp_path, 3, 30)
    new = write_run(tmp_path, 4, 60)
    shutil.copytree(new, tmp_path / "latest")
    assert run_folder(tmp_path / "latest") == (tmp_path / "latest").resolve()
    assert isinstance(subject_of(str(tmp_path / "latest")), RunSubject)
    shutil.rmtree(new)  # an artifact that holds nothing else
    assert run_folder(tmp_path / "latest") == (tmp_path / "latest").resolve()


def test_the_newest_run_is_the_one_that_began_last_whatever_its_folder_is_called(tmp_path: Path) -> None:
    old, new = write_run(tmp_path, 3, 30), write_run(tmp_path, 4, 60)
    old.rename(tmp_path / "zzz")
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "run.jsonl").write_text("{")
    assert newest_run(tmp_path) == new


def test_a_copy_called_latest_stands_in_the_history_by_its_age(tmp_path: Path) -> None:
    old = write_run(tmp_path, 3, 30)
    old.rename(tmp_path / "latest")
    write_run(tmp_path, 4, 60)
    assert [run.name for run in Archive(tmp_path).look().runs] == ["latest", "20260304T101500Z-performance"]
