"""A process with a moved clock: every way to ask for the time is off, every way to wait is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.target.launch import move_clock, moved_clock, set_clock

ASKS = """
import json, subprocess, sys, time
from datetime import UTC, date, datetime
from email.utils import formatdate, parsedate_to_datetime

began = time.monotonic(), time.perf_counter()
time.sleep(0.05)
print(json.dumps({
    "time": time.time(), "time_ns": time.time_ns() / 1e9,
    "clock_gettime": time.clock_gettime(time.CLOCK_REALTIME),
    "gmtime": datetime(*time.gmtime()[:6], tzinfo=UTC).timestamp(),
    "localtime": time.mktime(time.localtime()),
    "strftime": time.mktime(time.strptime(time.strftime("%Y %j %H %M %S"), "%Y %j %H %M %S")),
    "now": datetime.now(UTC).timestamp(), "naive": datetime.now().timestamp(),
    "utcnow": datetime.utcnow().replace(tzinfo=UTC).timestamp(),
    "header": parsedate_to_datetime(formatdate(usegmt=True)).timestamp(),
    "child": float(subprocess.check_output([sys.executable, "-c", "import time; print(time.time())"])),
    "today": date.today().toordinal(), "slept": time.monotonic() - began[0], "counted": time.perf_counter() - began[1],
    "told": [time.gmtime(0)[0], datetime(2020, 1, 2).year, type(datetime.now()) is datetime],
}))
"""


def asked(file: Path) -> dict[str, Any]:
    environment = moved_clock(file, os.environ)
    set_clock(file, BY_S)
    done = subprocess.run([sys.executable, "-c", ASKS], env=environment, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


BY_S = -86_400.0 * 3


def test_every_way_to_ask_is_off_and_every_way_to_wait_is_right(tmp_path: Path) -> None:
    import datetime
    import time

    found, now_s = asked(tmp_path / "clock"), time.time()
    slept, counted, today, told = (found.pop(name) for name in ("slept", "counted", "today", "told"))
    assert {name: value for name, value in found.items() if abs(value - now_s - BY_S) > 30} == {}
    assert len(found) == 11
    assert 0.05 <= slept < 30
    assert 0.05 <= counted < 30
    assert datetime.date.today().toordinal() - today in (2, 3, 4)  # noqa: DTZ011 - as the process says it
    assert told == [1970, 2020, True]
    move_clock(tmp_path / "clock", 1.0)  # somebody listens


def test_a_clock_starts_right_and_is_not_taken_up_by_an_isolated_python(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    environment = moved_clock(file, {"PYTHONPATH": "/their/own"})
    assert environment["PYTHONPATH"].endswith(f"{os.pathsep}/their/own")
    assert float(file.read_text()) == 0
    subprocess.run([sys.executable, "-I", "-c", ""], env=environment, check=True)
    with pytest.raises(NotApplicable, match="sitecustomize"):
        move_clock(file, 1.0)


@pytest.mark.parametrize("by_s", [-300.0, 0.0, 3600.0])
def test_a_clock_is_set_in_one_go(tmp_path: Path, by_s: float) -> None:
    set_clock(tmp_path / "clock", by_s)
    assert float((tmp_path / "clock").read_text()) == by_s
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]
