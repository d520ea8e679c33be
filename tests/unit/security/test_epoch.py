"""One counter for all processes of a host, and no advance lost."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pynomaly.security.epoch import LocalEpoch, SharedEpoch

ADVANCE = """
import sys; from pathlib import Path; from pynomaly.security.epoch import SharedEpoch
epoch = SharedEpoch(Path(sys.argv[1]))
print("ready", flush=True)
while epoch.current() == 0: pass
for _ in range(150_000): epoch.advance()
"""


@pytest.fixture(params=["local", "shared"])
def epoch(request, tmp_path):
    if request.param == "local":
        yield LocalEpoch()
        return
    shared = SharedEpoch(tmp_path / "epoch")
    yield shared
    shared.close()


def test_no_advance_is_lost_between_threads(epoch):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: epoch.advance(), range(400)))
    assert epoch.current() == 400


def test_no_advance_is_lost_between_processes_and_all_are_seen_at_once(tmp_path):
    path = tmp_path / "epoch"
    shared = SharedEpoch(path)
    command = [sys.executable, "-c", ADVANCE, str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 2
    shared.advance()  # both see it and run at the same time
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    for process in running:
        process.stdout.close()
    assert shared.current() == 300_001
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shared.close()


def test_the_counter_goes_on_after_a_restart(tmp_path):
    for expected in (1, 2):
        shared = SharedEpoch(tmp_path / "epoch")
        shared.advance()
        assert shared.current() == expected
        shared.close()
