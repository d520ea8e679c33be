"""What is expected of a whole excuses no part of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from lying_platform import run_step

from pynomaly_itest.errors import StepFailed

STATUS = frozenset({"status"})
GOOD: dict[str, Any] = {"request": {"path": "/good"}}
BAD: dict[str, Any] = {"request": {"path": "/bad"}}


class Service:
    """/good is well, /bad is not; /flaky is well every other time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        well = request.url.path == "/good" or (request.url.path == "/flaky" and self.asked % 2)
        return httpx.Response(200 if well else 500, json={})


def test_an_error_among_measured_calls_counts_though_the_status_is_asked_about() -> None:
    step = {"step": {"request": {"path": "/flaky"}}, "repeat": 10, "warmup": 0}
    with pytest.raises(ExceptionGroup) as failed:
        run_step("measure", step, Service(), expected=STATUS)
    assert failed.group_contains(StepFailed, match="answered 500")


def test_tolerated_errors_are_counted_though_the_status_is_asked_about() -> None:
    step = {"step": {"request": {"path": "/flaky"}}, "repeat": 10, "warmup": 0, "tolerate_errors": True}
    found = run_step("measure", step, Service(), expected=STATUS)
    assert found["error_ratio"](0.95).value == 0.5
    assert found["status"].n == 5


def test_an_error_that_is_wanted_can_be_measured() -> None:
    step = {"step": {"request": {"path": "/bad", "status": 500}}, "repeat": 4, "warmup": 0}
    assert run_step("measure", step, Service())["error_ratio"](0.95).value == 0.0


def test_what_is_expected_of_the_last_step_excuses_no_other() -> None:
    with pytest.raises(StepFailed, match="GET /bad answered 500"):
        run_step("repeat", {"steps": [BAD, GOOD], "times": 1}, Service(), expected=STATUS)
