"""A load until its gates are decided: looked at on the way, within its time, the looks sharing the error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.measure import Samples
from pynomaly_itest.steps.load import Load
from pynomaly_itest.steps.load_until import SoFar, until_decided

REQUEST = {"method": "GET", "path": "/"}


@dataclass(frozen=True)
class World:
    """A context whose gates are open for the looks that say so, then decided."""

    is_open: Sequence[bool]
    seed: int = 3
    confidence: float = 0.95
    target: Any = field(default_factory=lambda: SimpleNamespace(root_pid=lambda: None))
    looked_at: list[Any] = field(default_factory=list)

    def progress(self, _: str) -> None: ...

    @property
    def scene(self) -> Any:
        def undecided(values: dict[str, Any]) -> str | None:
            self.looked_at.append(values)
            return "open" if self.is_open[min(len(self.looked_at), len(self.is_open)) - 1] else None

        return SimpleNamespace(undecided=undecided)


@dataclass(frozen=True)
class Sent:
    """One part, as it was sent: how long it was to be, how long it was, and what its result was judged with."""

    planned_s: float
    lasted_s: float
    warmup: float
    seed: int
    confidence: float


@dataclass(frozen=True)
class FakeLoad:
    """Asks the looks four times a second, as the engine does."""

    duration: float | str
    at_most: float | str
    warmup: float = 0.5
    sent: list[Sent] = field(default_factory=list)
    looks: list[tuple[float, float]] = field(default_factory=list)

    def model_copy(self, *, update: dict[str, Any]) -> FakeLoad:
        return FakeLoad(update["duration"], self.at_most, update["warmup"], self.sent, self.looks)

    def seen(self, context: World, so_far: SoFar, result: Any) -> dict[str, Any]:
        self.looks.append((result, context.confidence))
        return {"latency_ms": Samples.of("latency_ms", [1.0], "ms")}

    async def part(self, context: World, so_far: SoFar) -> dict[str, Any]:
        looks, planned_s, lasted_s = so_far.looks, float(self.duration), 0.0
        assert looks is not None
        begun_s = so_far.record.planned_s
        while lasted_s < planned_s:
            lasted_s += 0.25
            if looks.is_due(begun_s + lasted_s) and looks.is_enough(begun_s + lasted_s):  # type: ignore[arg-type]
                break
        so_far.record.planned_s += min(lasted_s, planned_s)
        confidence = looks.confidence_at_end()
        self.sent.append(Sent(planned_s, min(lasted_s, planned_s), self.warmup, context.seed, confidence))
        return {"latency_ms": Samples.of("latency_ms", [1.0], "ms"), "requests": 7}


def put_on(at_most: str, *is_open: bool) -> tuple[FakeLoad, dict[str, Any]]:
    load = FakeLoad("2s", at_most)
    return load, asyncio.run(until_decided(load, World(is_open)))  # type: ignore[arg-type]  # as much as it uses


def test_what_is_clear_at_the_first_look_ends_there() -> None:
    load, values = put_on("60s", False)
    assert [(sent.planned_s, sent.lasted_s) for sent in load.sent] == [(60, 2)]
    assert values["requests"] == 7
    assert load.sent[0].confidence == pytest.approx(1 - 0.05 * values["latency_ms"].error_share)
    assert load.looks[0][1] > load.sent[0].confidence > 0.997


@pytest.mark.parametrize("at_most", ["5s", "20s", "60s", "300s"])
def test_what_stays_open_uses_all_of_the_time(at_most: str) -> None:
    load, values = put_on(at_most, True)
    assert [sent.lasted_s for sent in load.sent] == [float(at_most.rstrip("s"))]
    looked_s = [at_s for at_s, _ in load.looks]
    assert looked_s[0] == 2
    assert all(1.1 < after / before < 1.9 for before, after in pairwise(looked_s))
    assert 0.35 < values["latency_ms"].error_share < 1


def test_a_first_look_costs_little() -> None:
    load, _ = put_on("60s", True)
    assert load.looks[0][1] > 1 - 0.1 * 0.05


def test_no_time_for_a_second_look_gives_all_of_the_error_to_the_only_one() -> None:
    load, values = put_on("2s", True)
    assert load.looks == []
    assert values["latency_ms"].error_share == pytest.approx(1, rel=1e-3)
    assert put_on("1s", True)[0].sent[0].lasted_s == 2.0


def test_a_gate_that_the_last_answers_open_again_has_a_further_part() -> None:
    """Decided at the first look; with all answers it is open; then decided, and that stays."""
    load, _ = put_on("20s", False, True, False)
    assert [(sent.planned_s, sent.lasted_s) for sent in load.sent] == [(20, 2), (18, 1.25)]
    assert [(sent.warmup, sent.seed) for sent in load.sent] == [(0.5, 3), (0.0, 4)]


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
