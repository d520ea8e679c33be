"""An operation that never ends costs what the profile's benchmark makes hopeless, and the next ones less."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.steps.wait_for_operation import follow


class Platform:
    """Tells the states of an operation by the time; sleeping moves the clock."""

    def __init__(self, state_at: Any, benchmark_s: float = 30.0) -> None:
        self.now_s = 0.0
        self.state_at = state_at
        self.shared: dict[str, Any] = {}
        self.context: Any = SimpleNamespace(
            api=SimpleNamespace(call=self.call),
            clock=lambda: self.now_s,
            sleep=self.sleep,
            progress=lambda text: None,
            shared=self.shared,
            scene=SimpleNamespace(values={"benchmarks": {"training_time_seconds": benchmark_s}}),
        )

    async def call(self, method: str, path: str) -> Any:
        return self.state_at(self.now_s)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def took_s(self, **options: Any) -> float:
        """How long it took until the operation was given up."""
        begun = self.now_s
        with pytest.raises(StepFailed, match="is still running"):
            asyncio.run(follow(self.context, "x", **options))
        return self.now_s - begun


def stuck(_: float) -> dict[str, Any]:
    return {"status": "running", "progress": 0.1}


@pytest.mark.parametrize(("benchmark_s", "first_s", "next_s"), [(30.0, 60.0, 15.0), (2.0, 10.0, 1.0)])
def test_patience_follows_the_benchmark_and_the_rest_know(
    benchmark_s: float, first_s: float, next_s: float
) -> None:
    platform = Platform(stuck, benchmark_s)
    assert platform.took_s() == pytest.approx(first_s, abs=0.3)
    assert platform.took_s() == pytest.approx(next_s, abs=0.3)


def test_a_limit_that_is_said_is_kept() -> None:
    assert Platform(stuck).took_s(timeout_s=120.0) == pytest.approx(120.0, abs=0.3)


def test_one_that_gets_on_is_followed_to_its_end() -> None:
    def slow(now_s: float) -> dict[str, Any]:
        return {"status": "completed" if now_s > 250 else "running", "progress": int(now_s / 50)}

    platform = Platform(slow)
    assert asyncio.run(follow(platform.context, "x"))["status"] == "completed"
    assert not platform.shared


def test_one_that_gets_on_for_ever_is_given_up_as_before() -> None:
    platform = Platform(lambda now_s: {"status": "running", "progress": now_s})
    assert platform.took_s() == pytest.approx(300.0, abs=0.3)
