"""Recovered is who answers well several times in a row; the time runs to the first of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from lying_platform import run_step

from pynomaly_itest.errors import StepFailed

STEP: dict[str, Any] = {"request": {"path": "/"}, "in_a_row": 3, "every": "100ms", "within": "5s"}


def answering(*statuses: int) -> Callable[[httpx.Request], httpx.Response]:
    """These statuses one after the other, then the last for ever."""
    left = list(statuses)
    return lambda _: httpx.Response(left.pop(0) if len(left) > 1 else left[0], json={})


def test_who_is_well_at_once_has_recovered_at_once() -> None:
    found = run_step("recovery", STEP, answering(200))
    assert found["seconds"] < 0.1
    assert (found["probes"], found["failed_probes"]) == (3, 0)


def test_the_time_runs_to_the_first_of_those_in_a_row() -> None:
    """Bad, bad, good, good, bad, good, good, good: well since the sixth, half a second in."""
    found = run_step("recovery", STEP, answering(503, 503, 200, 200, 503, 200))
    assert 0.5 <= found["seconds"] < 0.6
    assert (found["probes"], found["failed_probes"]) == (8, 3)


def test_who_is_never_well_for_long_has_not_recovered_and_what_was_seen_is_kept() -> None:
    kept: list[Any] = []
    with pytest.raises(StepFailed, match=r"never 3 good answers in a row.*answered 503"):
        run_step("recovery", STEP, answering(200, 200, 503), kept=kept)
    assert kept[0]["failed_probes"] > 10


def test_an_answer_that_comes_too_late_is_not_well() -> None:
    with pytest.raises(StepFailed, match="an answer after"):
        run_step("recovery", {**STEP, "objective": "0.001ms"}, answering(200))
