"""A load until its gates are decided: longer each time, within its time, each look at the cost of the next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.measure import Samples
from pynomaly_itest.steps.load import Load
from pynomaly_itest.steps.load_until import SoFar, until_decided

REQUEST = {"method": "GET", "path": "/"}


@dataclass(frozen=True)
class World:
    """A context whose gates are open for `open_for` looks, with a clock that loads move on."""

    open_for: int
    seed: int = 3
    target: Any = field(default_factory=lambda: SimpleNamespace(root_pid=lambda: None))
    confidence: float = 0.95
    now_s: list[float] = field(default_factory=lambda: [0.0])
    looked_at: list[Any] = field(default_factory=list)

    def clock(self) -> float:
        return self.now_s[0]

    def progress(self, _: str) -> None: ...

    @property
    def scene(self) -> Any:
        def undecided(values: dict[str, Any]) -> str | None:
            self.looked_at.append(values)
            return "open" if len(self.looked_at) <= self.open_for else None

        return SimpleNamespace(undecided=undecided)


@dataclass(frozen=True)
class FakeLoad:
    """Each part takes a second more than it sends: workers start, the last answers come."""

    duration: float | str
    at_most: float | str
    warmup: float = 0.5
    parts: list[tuple[float, float, float]] = field(default_factory=list)

    def model_copy(self, *, update: dict[str, Any]) -> FakeLoad:
        return FakeLoad(update["duration"], self.at_most, update["warmup"], self.parts)

    async def part(self, context: World, so_far: SoFar) -> dict[str, Any]:
        self.parts.append((float(self.duration), context.confidence, self.warmup))
        context.now_s[0] += float(self.duration) + 1.0
        assert isinstance(so_far, SoFar)
        return {"latency_ms": Samples.of("latency_ms", [1.0], "ms"), "requests": 7}


def put_on(open_for: int, at_most: str) -> tuple[FakeLoad, World, dict[str, Any]]:
    load, world = FakeLoad("2s", at_most), World(open_for)
    return load, world, asyncio.run(until_decided(load, world))  # type: ignore[arg-type]  # as much as it uses


@pytest.mark.parametrize(
    ("open_for", "at_most", "lengths"),
    [
        (0, "60s", [2.0]),
        (1, "60s", [2.0, 1.2]),
        (99, "8s", [2.0, 1.2, 1.8]),
        (99, "3s", [2.0]),
    ],
)
def test_a_load_goes_on_while_a_gate_is_open(open_for: int, at_most: str, lengths: list[float]) -> None:
    load, world, values = put_on(open_for, at_most)
    assert [seconds for seconds, _, _ in load.parts] == pytest.approx(lengths)
    assert [warmup for _, _, warmup in load.parts] == [0.5, *[0.0] * (len(lengths) - 1)]
    assert values["requests"] == 7
    assert world.clock() <= float(at_most.rstrip("s"))


@pytest.mark.parametrize("at_most", ["20s", "30s", "60s", "300s"])
def test_all_of_the_time_is_used_and_the_last_look_is_at_its_end(at_most: str) -> None:
    load, world, values = put_on(99, at_most)
    budget_s = float(at_most.rstrip("s"))
    assert 0.9 * budget_s <= world.clock() <= budget_s
    assert load.parts[-1][1] == pytest.approx(1 - 0.05 * values["latency_ms"].error_share)
    assert values["latency_ms"].error_share > 0.35


def test_a_first_look_costs_little_and_looks_before_the_last_less_than_all() -> None:
    load, _, _ = put_on(99, "60s")
    spent = [1 - confidence for _, confidence, _ in load.parts]
    assert spent[0] < 0.1 * 0.05
    assert all(error < 0.05 for error in spent)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"executor": "shared-iterations", "vus": 1, "iterations": 5}, "needs one, and no 'shape'"),
        ({"shape": "spike", "rate": "5/s", "duration": "9s"}, "needs one, and no 'shape'"),
        ({"rate": "5/s", "duration": "2s", "at_most": "soon"}, "not a number with a unit"),
        (
            {"rate": "5/s", "duration": "2s", "request": {"upload_dataset": {"dataset": "x"}}},
            "put on once",
        ),
    ],
)
def test_what_cannot_be_lengthened_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Load.model_validate({"request": REQUEST, "until": "decided", **config})
