"""Each adapter's example, which a stranger copies, is a block that the loader takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynomaly_itest.profile.loader import validate
from pynomaly_itest.registry import ADAPTERS

PROFILE = "version: 1\nname: x\nscenarios: [{id: one, steps: [{score: {}}]}]\n"


@pytest.mark.parametrize("kind", sorted(ADAPTERS))
def test_the_example_of_an_adapter_is_one_that_is_taken(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PROFILE + ADAPTERS[kind].example)
    assert [mistake.message for mistake in validate([str(path)])] == []
