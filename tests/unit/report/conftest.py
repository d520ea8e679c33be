"""Lets the tests here import the sample run and the builders that lie beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pynomaly_itest.results import RunResult

sys.path.insert(0, str(Path(__file__).parent))

from report_samples import sample_run


@pytest.fixture(scope="session")
def run() -> RunResult:
    """24 scenarios of every verdict, with hostile texts."""
    return sample_run()


@pytest.fixture(scope="session")
def hundred() -> RunResult:
    return sample_run(100)
