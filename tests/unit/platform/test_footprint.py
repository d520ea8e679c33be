"""What the server loads before it answers, and what it leaves out."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from pynomaly.memory import give_back
from pynomaly.warmth import without

LOADED = """
import sys
import pynomaly.cli, pynomaly.server, pynomaly.app
print(*sys.modules)
"""
WARMED = """
import sys
from pynomaly.warmth import Warmth
warmth = Warmth()
warmth.start()
warmth._thread.join()
assert warmth.check() == "ok", warmth.check()
print(*sys.modules)
import scipy.linalg
"""


def modules_after(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_server_starts_without_what_only_fitting_or_some_requests_need():
    loaded = modules_after(LOADED)
    assert "pynomaly.app" in loaded
    heavy = {"numba", "pyarrow", "scipy", "sklearn", "pyod", "alembic", "zxcvbn", "redis", "psycopg"}
    assert not loaded & (heavy | {"sqlalchemy.dialects.postgresql"})


def test_the_kernels_load_without_linear_algebra_and_it_can_be_imported_afterwards():
    loaded = modules_after(WARMED)
    assert "pynomaly.detection.kernels.forest" in loaded
    assert not loaded & {"scipy.linalg", "cffi", "sklearn", "pyod"}


def test_a_hidden_module_is_found_again_and_a_loaded_one_stays():
    sys.modules.pop("wave", None)
    with without(("wave", "json")):
        assert importlib.import_module("json").dumps(1) == "1"
        with pytest.raises(ImportError):
            importlib.import_module("wave")
    assert importlib.import_module("wave").__name__ == "wave"


def test_freed_memory_goes_back():
    if sys.platform != "linux":
        pytest.skip("requires Linux")
    import os

    import psutil

    process = psutil.Process(os.getpid())
    kept = [bytes(1000) for _ in range(100_000)]
    pinned = kept[::1000]
    before = process.memory_info().rss
    del kept
    give_back()
    assert before - process.memory_info().rss > 30_000_000
    assert len(pinned) == 100
