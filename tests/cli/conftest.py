"""The real command line against the real platform: one platform a session, one folder a test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import PASSWORD, Itest, Platform, start_platform, wait_for


@pytest.fixture
def itest(tmp_path: Path) -> Iterator[Itest]:
    runner = Itest(tmp_path)
    yield runner
    for process in runner.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    process = start_platform(folder)
    try:
        port_file = folder / "port"
        wait_for(lambda: process.poll() is not None or port_file.exists(), "the platform's port")
        assert process.poll() is None, (folder / "log").read_text()
        yield Platform(f"http://127.0.0.1:{port_file.read_text().strip()}", "root-user", PASSWORD)
    finally:
        process.terminate()
        process.wait(30)
