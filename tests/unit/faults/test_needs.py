"""What faults need of a platform is known before it starts, also where they are inside another step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.faulting.needs import needs_of


@pytest.mark.parametrize(
    ("kind", "config", "wanted"),
    [
        ("fault", {"inject": {"redis_gone": {}}}, {"redis"}),
        ("fault", {"inject": {"kill_server": {}}}, set()),
        ("repeat", {"times": 2, "steps": [{"fault": {"inject": {"disk_full": {}}}}]}, {"disk"}),
        ("retry", {"step": {"fault": {"inject": {"clock_jump": {}}}}}, {"clock"}),
        ("request", {"path": "/"}, set()),
    ],
)
def test_needs(kind: str, config: dict[str, Any], wanted: set[str]) -> None:
    call = SimpleNamespace(kind=kind, config=config)
    scenario: Any = SimpleNamespace(setup=(), steps=(call,), catch=(), finally_=())
    assert needs_of(scenario) == wanted
