"""measure: questions drawn, cached against uncached, throughput in a steady state, sampling until it is decided."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import judge
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.steps.measure import Measure, drawn
from pynomaly_itest.steps.measure_tally import Tally, ratio_of_medians, throughput
from pynomaly_itest.verdicts import Verdict

LIMIT = "own.latency_ms.p95 <= 100ms"


@dataclass(frozen=True)
class World:
    """A step context whose steps answer as `answer` says and take as long; `gate` is on what is measured."""

    answer: Callable[[dict[str, Any], random.Random], dict[str, Any]]
    gate: str = LIMIT
    now_s: list[float] = field(default_factory=lambda: [0.0])
    asked: list[dict[str, Any]] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    seed: int = 7
    expected: frozenset[str] = frozenset()
    chance: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311 - no secret

    def clock(self) -> float:
        return self.now_s[0]

    def progress(self, _: str) -> None: ...

    def keep(self, _: Any) -> None: ...

    @property
    def target(self) -> Any:
        return SimpleNamespace(root_pid=lambda: None)

    @property
    def scene(self) -> Any:
        return SimpleNamespace(undecided=self.undecided)

    def undecided(self, own: dict[str, Any]) -> str | None:
        judged = judge_condition(parse(self.gate), {"own": own})
        self.looks.append(judged.verdict)
        return judged.reason if judged.verdict is Verdict.INCONCLUSIVE else None

    def prepare(self, call: dict[str, Any]) -> Any:
        (config,) = call.values()

        async def run(_: Any) -> dict[str, Any]:
            self.asked.append(config)
            values = self.answer(config, self.chance)
            self.now_s[0] += values.get("latency_ms", 1.0) / 1000
            return values

        return SimpleNamespace(run=run)


def latencies(share_over: float) -> Callable[[Any, random.Random], dict[str, Any]]:
    return lambda _, chance: {"latency_ms": 150.0 if chance.random() < share_over else 20.0}


def run(step: Measure, world: World) -> dict[str, Any]:
    return asyncio.run(step.run(world))  # type: ignore[arg-type]  # as much of a context as a measurement uses


@pytest.mark.parametrize(("share_over", "verdict"), [(0.0, "passed"), (0.5, "failed")])
def test_what_is_clear_at_once_takes_no_more_than_repeat(share_over: float, verdict: str) -> None:
    world = World(latencies(share_over))
    values = run(Measure(step={"request": {}}, repeat=200, warmup=0, until="decided"), world)
    assert values["count"] == 200
    assert world.looks == [verdict]
    assert 0 < values["latency_ms"].error_share < 0.5


@pytest.mark.parametrize(("share_over", "verdict"), [(0.03, "passed"), (0.065, "failed")])
def test_what_is_open_goes_on_until_it_is_decided(share_over: float, verdict: str) -> None:
    world = World(latencies(share_over), chance=random.Random(11))  # noqa: S311 - no secret
    values = run(Measure(step={"request": {}}, repeat=100, warmup=0, until="decided", at_most="10min"), world)
    assert values["count"] > 100
    assert world.looks[:-1] == ["inconclusive"] * (len(world.looks) - 1)
    judged = judge_condition(parse(LIMIT), {"own": values})
    assert judged.verdict == world.looks[-1] == verdict
    assert judged.confidence == pytest.approx(1 - 0.05 * values["latency_ms"].error_share)
    assert judged.confidence > 0.95


def test_what_stays_open_ends_with_the_budget_and_is_inconclusive() -> None:
    world = World(latencies(0.05))
    values = run(Measure(step={"request": {}}, repeat=100, warmup=0, until="decided", at_most="30s"), world)
    assert 20 < world.clock() <= 33
    assert judge_condition(parse(LIMIT), {"own": values}).verdict is Verdict.INCONCLUSIVE


def test_looking_again_and_again_passes_no_more_often_than_the_confidence_allows() -> None:
    """At the limit itself every pass is a false one, and so is every failure."""
    found = Counter()
    for seed in range(80):
        chance = random.Random(seed)  # noqa: S311 - no secret
        world = World(latencies(0.05), chance=chance)
        run(Measure(step={"request": {}}, repeat=100, warmup=0, until="decided", at_most="15s"), world)
        found[world.looks[-1]] += 1
    assert found["passed"] + found["failed"] <= 80 * 0.05 + 4
    assert found["inconclusive"] >= 70


def test_zipf_asks_few_questions_often_and_many_seldom() -> None:
    picked = Counter(islice(drawn(list("abcdefghij"), "zipf", 1), 20_000))  # type: ignore[arg-type]
    assert picked["a"] / picked["b"] == pytest.approx(2, rel=0.1)
    assert picked["a"] / picked["j"] == pytest.approx(10, rel=0.25)
    even = Counter(islice(drawn(list("abcd"), "uniform", 1), 20_000))  # type: ignore[arg-type]
    assert max(even.values()) / min(even.values()) < 1.1
    assert "".join(islice(drawn(list("abc"), "in-order", 1), 7)) == "abcabca"  # type: ignore[arg-type]


def test_every_combination_of_what_varies_is_a_question() -> None:
    world = World(lambda config, _: {"latency_ms": 1.0})
    vary = {"detector": ["d1", "d2"], "dataset": ["s1", "s2", "s3"]}
    step = {"detect": {"detector": "", "dataset": ""}}
    run(Measure(step=step, vary=vary, draw="in-order", repeat=12, warmup=0), world)
    assert len({tuple(config.items()) for config in world.asked}) == 6
    assert world.asked[:6] == world.asked[6:]
    with pytest.raises(ValueError, match="at least one value"):
        Measure(step=step, vary={"detector": []})
    with pytest.raises(CannotMeasure, match="more than 10,000 questions"):
        run(Measure(step=step, vary={"a": list(range(200)), "b": list(range(200))}), world)


def cache_that_keeps(most: int) -> Callable[[dict[str, Any], random.Random], dict[str, Any]]:
    kept: list[Any] = []

    def answer(config: dict[str, Any], _: random.Random) -> dict[str, Any]:
        question = config["dataset"]
        cached = question in kept
        kept[:] = [*(one for one in kept if one != question), question][-most:] if most else []
        return {"latency_ms": 2.0 if cached else 9.0, "cached": cached}

    return answer


@pytest.mark.parametrize(
    ("most", "verdict"), [(100, "passed"), (3, "failed"), (0, "failed")], ids=["sound", "too small", "none"]
)
def test_a_cache_is_judged_on_questions_as_users_repeat_them(most: int, verdict: str) -> None:
    measure = Measure(
        step={"detect": {"dataset": ""}}, vary={"dataset": list(range(20))}, repeat=400, warmup=0
    )
    values = run(measure, World(cache_that_keeps(most)))
    assert judge_condition(parse("own.cached_ratio >= 0.8"), {"own": values}).verdict == verdict


def test_cached_answers_against_uncached_ones() -> None:
    measure = Measure(
        step={"detect": {"dataset": ""}}, vary={"dataset": list(range(20))}, repeat=400, warmup=0
    )
    values = run(measure, World(cache_that_keeps(100)))
    assert values["uncached_ms"].n == 20
    assert values["cached_ms"].n == 380
    for limit, verdict in ((3, "passed"), (5, "failed")):
        judged = judge_condition(parse(f"own.cached_speedup >= {limit}"), {"own": values})
        assert judged.verdict == verdict
    never = run(measure, World(cache_that_keeps(0)))
    assert judge_condition(parse("own.cached_speedup >= 1"), {"own": never}).verdict == "inconclusive"


def test_the_ratio_of_medians_holds_both_bounds_at_once() -> None:
    chance = random.Random(2)  # noqa: S311 - no secret
    misses = 0
    for _ in range(200):
        slow = [chance.gauss(30, 6) for _ in range(40)]
        fast = [chance.gauss(10, 3) for _ in range(60)]
        found = ratio_of_medians(slow, fast)(0.95)
        misses += not found.low < 3 < found.high
    assert misses <= 10


def test_throughput_that_has_not_settled_may_be_any_level_that_was_seen() -> None:
    chance = random.Random(2)  # noqa: S311 - no secret
    gaps = [chance.uniform(0.008, 0.012) for _ in range(300)]

    def of(gaps: list[float]) -> Any:
        ends = [sum(gaps[: k + 1]) for k in range(len(gaps))]
        return throughput(ends, ends[-1], 10, "samples/s", confidence=0.95)

    steady = of(gaps)
    assert steady.low < 1000 < steady.high
    assert judge(steady, ">=", 900, confidence=0.95).verdict is Verdict.PASSED
    sinking_rate = of([gap * (1 + k / 100) for k, gap in enumerate(gaps)])
    assert judge(sinking_rate, ">=", 100, confidence=0.95).verdict is Verdict.PASSED
    assert judge(sinking_rate, ">=", 2000, confidence=0.95).verdict is Verdict.FAILED
    sinking = judge(sinking_rate, ">=", 300, confidence=0.95)
    assert sinking.verdict is Verdict.INCONCLUSIVE
    assert "not in a steady state: the last 3 windows differ by" in sinking.reason
    few = judge(of(gaps[:10]), ">=", 1, confidence=0.95)
    assert few.verdict is Verdict.INCONCLUSIVE
    assert "10 calls are too few" in few.reason


@pytest.mark.parametrize("one_in", [20, 50, 100])
@pytest.mark.parametrize("slow_s", [0.4, 1.4, 5.0])
def test_a_rate_far_from_its_limit_is_judged_however_bimodal_the_calls(one_in: int, slow_s: float) -> None:
    """A mean of few slow calls had an interval that reached below 0, and the rate then none at all."""
    for seed in range(10):
        chance = random.Random(seed)  # noqa: S311 - no secret
        gaps = [slow_s if chance.random() < 1 / one_in else 0.01 for _ in range(200)]
        ends = [sum(gaps[: k + 1]) for k in range(len(gaps))]
        found = throughput(ends, ends[-1], 1000, "samples/s", confidence=0.98)
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        assert judge(found, ">=", found.value / 20).verdict is Verdict.PASSED
        assert judge(found, "<=", found.value / 20).verdict is Verdict.FAILED


def test_a_failed_call_is_an_error_among_the_others_only_where_it_may_be() -> None:
    def answer(_: Any, chance: random.Random) -> dict[str, Any]:
        if chance.random() < 0.2:
            raise StepFailed("it broke")
        return {"latency_ms": 1.0}

    with pytest.raises(ExceptionGroup):
        run(Measure(step={"request": {}}), World(answer))
    values = run(Measure(step={"request": {}}, tolerate_errors=True, warmup=0), World(answer))
    assert 0.05 < values["error_ratio"](0.95).value < 0.4
    assert values["first_error"] == "it broke"


def test_an_endless_number_of_a_reply_passes_no_gate() -> None:
    tally = Tally()
    tally.succeeded({"latency_ms": 10**400}, 1.0)
    judged = judge_condition(parse("own.latency_ms.max <= 100"), {"own": tally.values(1.0)})
    assert judged.verdict is Verdict.FAILED


def test_failures_that_come_together_count_as_fewer() -> None:
    """One bad minute of 50 failures says less of the failures to come than 50 scattered ones."""

    def share(failed: list[bool]) -> Any:
        tally = Tally()
        for at_s, each in enumerate(failed):
            if each:
                tally.failed(StepFailed("it broke"))
            else:
                tally.succeeded({"latency_ms": 1.0}, float(at_s))
        return tally.values(1.0)["error_ratio"](0.95)

    scattered, together = (
        share([n % 20 == 0 for n in range(1000)]),
        share([300 <= n < 350 for n in range(1000)]),
    )
    assert (scattered.value, together.value) == (0.05, 0.05)
    assert scattered.high < 0.07
    assert together.high > 0.07
    assert share([False] * 400).high < 0.01
