"""A load until its gates are decided: longer each time, within its time, each look at the cost of the next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.measure import Samples
from pynomaly_itest.steps.load import Load
from pynomaly_itest.steps.load_until import until_decided

REQUEST = {"method": "GET", "path": "/"}


@dataclass(frozen=True)
class World:
    """A context whose gates are open for `open_for` looks, with a clock that loads move on."""

    open_for: int
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
    duration: float | str
    at_most: float | str
    loads: list[tuple[float, float]] = field(default_factory=list)

    def model_copy(self, *, update: dict[str, Any]) -> FakeLoad:
        return FakeLoad(update["duration"], self.at_most, self.loads)

    async def once(self, context: World) -> dict[str, Any]:
        seconds = float(str(self.duration).rstrip("s"))
        self.loads.append((seconds, context.confidence))
        context.now_s[0] += seconds + 1.0  # workers start, the last answers come
        return {"latency_ms": Samples.of("latency_ms", [1.0], "ms"), "requests": 7}


@pytest.mark.parametrize(
    ("open_for", "at_most", "lengths"),
    [
        (0, "60s", [2.0]),
        (1, "60s", [2.0, 4.0]),
        (99, "60s", [2.0, 4.0, 8.0, 16.0]),
        (99, "8s", [2.0]),
        (99, "9s", [2.0, 4.0]),
    ],
)
def test_a_load_is_repeated_twice_as_long_while_a_gate_is_open(
    open_for: int, at_most: str, lengths: list[float]
) -> None:
    load, world = FakeLoad("2s", at_most), World(open_for)
    values = asyncio.run(until_decided(load, world))  # type: ignore[arg-type]  # as much as it uses
    assert [seconds for seconds, _ in load.loads] == lengths
    share = 0.5 ** len(lengths)
    assert values["latency_ms"].error_share == share
    assert load.loads[-1][1] == pytest.approx(1 - 0.05 * share)
    assert values["requests"] == 7
    assert world.clock() <= float(at_most.rstrip("s"))


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
