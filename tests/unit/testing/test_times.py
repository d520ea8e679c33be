"""The e2e profile's look at times: true ones pass, and each way of being wrong is told."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def times() -> ModuleType:
    spec = importlib.util.spec_from_file_location("e2e_times", PROFILES / "e2e_times.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made  # where dataclasses look up what annotations mean
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def clock(times: ModuleType) -> Any:
    """Of a request that was under way from noon on for two seconds; the clocks may be five seconds apart."""
    return times.Clock(5.0, (NOON.timestamp() - 5, NOON.timestamp() + 7))


@pytest.mark.parametrize(
    "told", ["2026-03-01T12:00:01Z", "2026-03-01T12:00:06.5+00:00", NOON.timestamp() - 4]
)
def test_a_time_within_the_request_passes(clock: Any, told: Any) -> None:
    assert len(clock.within({"created_at": told}, "created_at")) == 1


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("2026-03-01T13:00:01Z", "is 3594.0 s after the request"),
        ("2026-03-01T11:00:01Z", "is 3594.0 s before the request"),
        (NOON.timestamp() + 3600, "after the request"),
        ("2026-03-01T12:00:01", "does not say that it is in UTC"),
        (NOON.astimezone(timezone(timedelta(hours=1))).isoformat(), "does not say that it is in UTC"),
        ("noon", "is no time in ISO 8601"),
        (None, "is no time"),
        (True, "is no time"),
    ],
)
def test_a_time_that_is_wrong_is_told(clock: Any, told: Any, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        clock.within({"created_at": told}, "created_at")


def test_times_out_of_order_are_told(clock: Any) -> None:
    told = {"started_at": "2026-03-01T12:00:02Z", "finished_at": "2026-03-01T12:00:01Z"}
    with pytest.raises(AssertionError, match=r"finished_at is 1\.000 s before started_at"):
        clock.within(told, "started_at", "finished_at")
