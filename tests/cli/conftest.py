"""The real command line against the real platform: one platform a session, one folder a test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Itest, Platform, serving, start_platform


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
    with serving(start_platform(folder), folder) as platform:
        yield platform
