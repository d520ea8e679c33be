"""The platform's log: read while it is written, redacted line by line, there when its folder is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.bundled_log import PlatformLog


def test_lines_are_redacted_and_the_whole_is_not(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.learn("hunter2-hunter2")
    log = PlatformLog(tmp_path / "log", redactor)
    os.write(log.file.fileno(), b"starting\nthe secret is hunter2-hunter2\n")
    assert log.last_lines(1) == ("the secret is [redacted]",)
    assert b"hunter2-hunter2" in log.read()
    log.close()


def test_reading_moves_no_place_and_outlives_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "platform"
    folder.mkdir()
    log = PlatformLog(folder / "log", Redactor())
    os.write(log.file.fileno(), b"one\n")
    assert log.last_lines(5) == ("one",)
    shutil.rmtree(folder)
    os.write(log.file.fileno(), b"two\nthree\n")
    assert log.last_lines(2) == ("two", "three")
    assert log.read() == b"one\ntwo\nthree\n"
    log.close()
