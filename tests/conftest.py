"""Which tests run when: proofs of half a minute on request, and what measures time by itself.

`--thorough` runs the former, as every night. `pytest -m "not serial" -n 4` and then `pytest -m serial` is how the
test script runs the whole: a test marked `serial` measures how long something takes, and neighbours would spoil it.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

settings.register_profile("no-clock", deadline=None)  # how long an example takes says nothing about the code
settings.load_profile("no-clock")

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="pynomaly-itest-tests-")
"""Where the key that signs runs is made: not in the home of who runs the tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="also run the tests marked `thorough`")


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--thorough"):
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
