"""The very first start compiles the kernels in a process of its own, and only that one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynomaly.warmth import compiled_before


def test_an_empty_or_missing_cache_holds_no_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "none"))
    assert not compiled_before()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not compiled_before()


def test_an_index_of_numbas_is_found_at_any_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "kernels_abc").mkdir()
    (tmp_path / "kernels_abc" / "forest.score-1.py311.nbi").touch()
    assert compiled_before()
