"""memory, scaling, side_by_side, clean_up: pure parts on made-up figures, the steps on fakes with our own clock."""

from __future__ import annotations

import asyncio
import os
import random
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.errors import CannotMeasure, NotEnoughEvidence, StepFailed
from pynomaly_itest.measure import judge
from pynomaly_itest.steps.clean_up import CleanUp
from pynomaly_itest.steps.memory import Memory, has_settled
from pynomaly_itest.steps.scaling import Scaling, scaling_of
from pynomaly_itest.steps.side_by_side import SideBySide, median_ratio
from pynomaly_itest.verdicts import Verdict

SIZES = [1_000, 10_000, 100_000]


def times(exponent: float, noise: float = 0.05, rounds: int = 12) -> dict[int, list[float]]:
    draw = random.Random(3)  # noqa: S311 - no secret
    slow = [draw.choice((1.0, 1.0, 2.5)) for _ in range(rounds)]  # the machine's, for a whole round
    return {
        size: [machine * size**exponent * (1 + draw.uniform(-noise, noise)) for machine in slow]
        for size in SIZES
    }


@pytest.mark.parametrize(("exponent", "verdict"), [(0.8, "passed"), (1.0, "passed"), (1.3, "failed")])
def test_the_exponent_is_found_whatever_the_machine_does_between_rounds(
    exponent: float, verdict: str
) -> None:
    for name in ("exponent", "last_exponent"):
        found = scaling_of(times(exponent))[name](0.95)
        assert found.value == pytest.approx(exponent, abs=0.03)
        assert found.low < exponent < found.high
        assert judge(found, "<=", 1.1, confidence=0.95).verdict == verdict


def test_a_noisy_exponent_at_the_limit_is_inconclusive_and_so_are_few_rounds() -> None:
    assert judge(scaling_of(times(1.1, 0.4))["exponent"](0.95), "<=", 1.1).verdict is Verdict.INCONCLUSIVE
    few = scaling_of(times(0.5, rounds=4))["exponent"](0.95)
    assert judge(few, "<=", 1.1, confidence=0.95).verdict is Verdict.INCONCLUSIVE


def test_the_median_ratio_of_pairs() -> None:
    slow, fast = [2.1, 2.0, 1.9] * 10, [1.0, 1.05, 0.95] * 10
    found = median_ratio(slow, fast)(0.95)
    assert judge(found, "<=", 1.1).verdict is Verdict.FAILED
    assert judge(median_ratio(fast, slow)(0.95), "<=", 1.1).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("readings", "settled"),
    [
        ([100.0] * 6, True),
        ([100.0] * 5, False),
        ([100.0, 101, 102, 103, 104, 103], True),
        ([100.0, 101, 102, 103, 104, 105], False),
        ([300.0, 300, 300, 300, 300, 300, 290, 280, 270], False),
        ([900.0, *[280.0] * 6], True),
        ([1000.0, 1002, 1004, 1008, 1010, 1012], True),
    ],
)
def test_memory_has_settled_when_six_readings_agree(readings: list[float], settled: bool) -> None:
    assert has_settled(readings) is settled


class Watcher:
    """An observer that sees these figures, the last one for ever."""

    def __init__(self, *figures: float, absence: str | None = None) -> None:
        self.figures, self.absence, self.readings = list(figures), absence, []

    async def look(self) -> None:
        if self.absence is None and self.figures:
            figure = self.figures.pop(0) if len(self.figures) > 1 else self.figures[0]
            self.readings.append(SimpleNamespace(rss_mb=figure))


class World:
    """A step context with a clock that only sleeping and working move on."""

    def __init__(self, observer: Any = None, left: tuple[str, ...] = ()) -> None:
        self.now_s, self.observer, self.seed = 0.0, observer, 7
        self.working = 0
        self.prepared: list[Any] = []

        async def clean() -> list[str]:
            return list(left)

        self.scene = SimpleNamespace(clean=clean)
        self.target = SimpleNamespace(root_pid=lambda: None)

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def progress(self, _: str) -> None: ...

    def prepare(self, call: dict[str, Any]) -> Any:
        (config,) = call.values()
        self.prepared.append(config)

        async def run(_: Any) -> dict[str, Any]:
            self.working += 1
            await asyncio.sleep(0)
            self.now_s += config.get("cost_s", 0.0) * (config.get("crowd", 1.0) if self.working > 1 else 1.0)
            self.working -= 1
            return {"latency_ms": config.get("rows", 1) ** 1.5} if "rows" in config else {}

        return SimpleNamespace(run=run)


def run(step: Any, world: World) -> dict[str, Any]:
    return asyncio.run(step.run(world))


def test_memory_waits_until_what_was_taken_is_given_back() -> None:
    world = World(Watcher(480, 470, 400, 300, 262))
    values = run(Memory(since=250), world)
    assert values["rss_mb"] == values["own_mb"] == 262
    assert values["kept_mb"] == 12
    assert values["settled_s"] == pytest.approx(9 * 0.25)


def test_memory_of_our_own_process_is_what_no_other_shares() -> None:
    world = World(Watcher(4_000))
    world.target = SimpleNamespace(root_pid=os.getpid)
    values = run(Memory(since=0), world)
    assert values["rss_mb"] == 4_000
    assert 5 < values["own_mb"] == values["kept_mb"] < 4_000


def test_memory_that_does_not_settle_is_no_figure() -> None:
    with pytest.raises(NotEnoughEvidence, match="not settled within 2 s: 8 readings, 100 to 240 MB"):
        run(Memory(within=2), World(Watcher(*range(100, 1000, 20))))


@pytest.mark.parametrize(
    ("observer", "message"),
    [
        (None, "nothing watches"),
        (Watcher(absence="its /metrics answered 404"), "answered 404"),
        (Watcher(), "does not answer"),
    ],
)
def test_memory_that_cannot_be_read_is_an_error(observer: Any, message: str) -> None:
    with pytest.raises(CannotMeasure, match=message):
        run(Memory(), World(observer))


def test_scaling_runs_every_size_in_every_round() -> None:
    world = World()
    values = run(Scaling(step={"predict": {"rows": 1}}, sizes=SIZES, rounds=6), world)
    assert [config["rows"] for config in world.prepared] == SIZES
    assert values["scaling"]["exponent"](0.95).value == pytest.approx(1.5)
    assert values["scaling"]["medians"]["1000"] == pytest.approx(1000**1.5)
    with pytest.raises(CannotMeasure, match="no time 'latency_ms'"):
        run(Scaling(step={"predict": {}}, field="size", sizes=SIZES), world)


def test_sizes_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Scaling(step={"predict": {}}, sizes=[10, 10, 20])


@pytest.mark.parametrize(("crowd", "ratio"), [(1.0, 1.0), (3.0, 2.33)])
def test_steps_side_by_side_against_in_turn(crowd: float, ratio: float) -> None:
    call = {"predict": {"cost_s": 0.01, "crowd": crowd}}
    values = run(SideBySide(steps=[call, call, call], rounds=10), World())
    assert values["ratio"](0.95).value == pytest.approx(ratio, rel=0.01)
    assert values["together_ms"].n == values["in_turn_ms"].n == 10


def test_a_clean_up_that_leaves_something_fails() -> None:
    assert run(CleanUp(), World()) == {}
    with pytest.raises(StepFailed, match="dataset 7: 409"):
        run(CleanUp(), World(left=("dataset 7: 409",)))
