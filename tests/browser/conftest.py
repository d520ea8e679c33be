"""A browser with the sample report open in it; the tests are skipped where no browser is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynomaly_itest.report import write

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "report"))

from devtools import Browser, find_chromium
from report_samples import sample_run


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = write(sample_run(), tmp_path_factory.mktemp("report"), ["html"])
    return path


@pytest.fixture(scope="session")
def big_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = write(sample_run(100), tmp_path_factory.mktemp("big"), ["html"])
    return path


@pytest.fixture(scope="session")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("chromium is not installed")
    with Browser(executable, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(_browser: Browser) -> Browser:
    """The session's browser as if new: wide, light, on screen, with scripts."""
    _browser.resize(1200)
    _browser.emulate()
    _browser.set_scripting(enabled=True)
    return _browser


@pytest.fixture
def page(browser: Browser, report: Path) -> Browser:
    browser.open(report)
    return browser
