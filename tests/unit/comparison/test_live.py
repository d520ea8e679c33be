"""The sequence of a comparison: when it looks, when it stops, what it says; with sides and pairs made up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from pynomaly_itest.comparison.asking import Door, WrongAnswer
from pynomaly_itest.comparison.live import LiveComparison
from pynomaly_itest.comparison.metrics import wanted
from pynomaly_itest.comparison.outcome import Outcome, Terms
from pynomaly_itest.comparison.pairing import Pair, PairTerms, SideFailed
from pynomaly_itest.comparison.record import ComparisonRecord, record_of
from pynomaly_itest.comparison.sides import Side, Started
from pynomaly_itest.comparison.workload import Preparation, Question
from pynomaly_itest.load.plan import Endpoint
from pynomaly_itest.verdicts import Verdict

PREPARATION = cast(Preparation, None)


class FakeSide(Side):
    """Counts how often it is started and ended."""

    def __init__(self, label: str, *, is_ours: bool = True) -> None:
        self.label, self.is_ours = label, is_ours
        self.begun = self.ended = self.closed = 0

    async def prepare(self, preparation: Preparation) -> None:
        return None

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Started]:
        self.begun += 1
        try:
            yield Started(Door("http://x"), (Question("predict", "s", "d", Endpoint()),))
        finally:
            self.ended += 1

    async def close(self) -> list[str]:
        self.closed += 1
        return []


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def at_once(sides: object) -> bool:
    """Nobody has anything left to do."""
    return True


def compared(
    slower: float, *, spread: float = 0.004, terms: Terms | None = None, pair_s: float = 5.0
) -> Outcome:
    """A comparison of processes whose candidate is truly slower by that much."""
    clock, noise = Clock(), np.random.default_rng(7)

    def pair(*given: Any) -> Pair:
        clock.now_s += pair_s
        base = 2.0 * np.exp(0.05 * noise.standard_normal(200))
        own = (1 + slower) * np.exp(spread * noise.standard_normal())
        candidate = own * 2.0 * np.exp(0.05 * noise.standard_normal(200))
        memory = (200.0, 200.0 * np.exp(0.001 * noise.standard_normal()))
        return Pair({"predict": np.array([base, candidate])}, {}, {"memory": memory})

    sides = (FakeSide("a"), FakeSide("b"))
    live = LiveComparison(
        sides, terms or Terms(wanted("p50,memory", [], [])), clock=clock, measure=pair, rest=at_once
    )
    outcome = asyncio.run(live.run(PREPARATION))
    for side in sides:
        assert side.begun == side.ended == len(outcome.pairs)
        assert side.closed == 1
    return outcome


def verdicts(outcome: Outcome) -> dict[str, str]:
    return {each.metric.name: each.conclusion.verdict.value for each in outcome.judged}


def test_the_same_code_passes_at_the_first_look() -> None:
    outcome = compared(0.0)
    assert (outcome.verdict, len(outcome.pairs)) == (Verdict.PASSED, 6)


def test_a_slower_candidate_fails() -> None:
    outcome = compared(0.08)
    assert outcome.verdict is Verdict.FAILED
    assert verdicts(outcome) == {"p50": "failed", "memory": "passed"}
    assert outcome.judged[0].conclusion.change == pytest.approx(0.08, abs=0.02)


def test_a_budget_that_ends_between_looks_is_a_last_look() -> None:
    unclear = compared(0.035, spread=0.03, terms=Terms(wanted("p50", [], []), budget_s=42.0))
    assert (unclear.verdict, len(unclear.pairs), unclear.out_of_time) == (Verdict.INCONCLUSIVE, 8, True)
    assert "neither under 5 % nor over 2 %" in unclear.judged[0].conclusion.reason
    assert "42 s ended after 8 pairs" in unclear.judged[0].conclusion.reason
    clear = compared(0.16, spread=0.04, terms=Terms(wanted("p50", [], []), budget_s=42.0))
    assert (clear.verdict, len(clear.pairs)) == (Verdict.FAILED, 8)


def test_a_budget_that_ends_before_the_first_look_says_so() -> None:
    outcome = compared(0.2, terms=Terms(wanted("p50", [], []), budget_s=22.0))
    assert (outcome.verdict, len(outcome.pairs)) == (Verdict.INCONCLUSIVE, 4)
    assert "22 s ended after 4 pairs, the first look is at 6" in outcome.judged[0].conclusion.reason


def test_without_an_end_it_stops_at_the_last_look() -> None:
    outcome = compared(0.035, spread=0.12, terms=Terms(wanted("p50", [], []), budget_s=1e6))
    assert (outcome.verdict, len(outcome.pairs)) == (Verdict.INCONCLUSIVE, 48)


@pytest.mark.parametrize(
    ("metrics", "given", "start_s", "asking_s", "blocks"),
    [
        ("p50", None, 0.5, 0.8, 0),
        ("p50", None, 5.0, 1.25, 0),
        ("p95", None, 0.5, 2.0, 0),
        ("p95", None, 8.0, 4.0, 0),
        ("p50,p95", 3.0, 8.0, 3.0, 0),
        ("throughput", None, 1.0, 0.0, 2),
        ("throughput,start", None, 5.0, 0.0, 4),
        ("memory", None, 1.0, 0.8, 0),
    ],
)
def test_a_pair_measures_what_is_asked_for(
    metrics: str, given: float | None, start_s: float, asking_s: float, blocks: int
) -> None:
    clock, told = Clock(), []

    def pair(started: Any, terms: PairTerms, *given: Any) -> Pair:
        told.append((terms.asking_s, terms.blocks))
        return Pair()

    async def started(sides: object) -> bool:
        clock.now_s += start_s
        return True

    terms = Terms(wanted(metrics, [], []), asking_s=given, most_pairs=3)
    sides = (FakeSide("a"), FakeSide("b"))
    asyncio.run(LiveComparison(sides, terms, clock=clock, measure=pair, rest=started).run(PREPARATION))
    assert told[-1] == (pytest.approx(asking_s), blocks)


def test_all_pairs_are_measured_where_the_machine_is_what_is_asked_about() -> None:
    terms = Terms(wanted("p50", [], []), most_pairs=9, always_all=True)
    assert len(compared(0.0, terms=terms).pairs) == 9


@pytest.mark.parametrize(("side", "verdict"), [(0, Verdict.ERROR), (1, Verdict.FAILED)])
def test_a_side_that_answers_wrongly_decides(side: int, verdict: Verdict) -> None:
    def broken(*given: Any) -> Pair:
        raise SideFailed(side, WrongAnswer("POST /predict answered 500"))

    sides = (FakeSide("a"), FakeSide("b"))
    outcome = asyncio.run(LiveComparison(sides, Terms(), measure=broken, rest=at_once).run(PREPARATION))
    assert outcome.verdict is verdict
    record = recorded(outcome)
    assert "POST /predict answered 500" in record.reason
    assert record.exit_code == (1 if side else 4)
    assert [side.ended for side in sides] == [1, 1]


def test_nothing_measured_is_no_pass() -> None:
    outcome = compared(0.0, terms=replace(Terms(wanted("start", [], [])), most_pairs=6))
    assert outcome.verdict is Verdict.INCONCLUSIVE


def test_no_pair_and_no_metric_is_no_pass() -> None:
    """Memory of services that are not ours: there is nothing to ask, however long it goes on."""
    sides = (FakeSide("http://a", is_ours=False), FakeSide("http://b", is_ours=False))
    live = LiveComparison(sides, Terms(wanted("memory", [], [])), measure=lambda *given: Pair(), rest=at_once)
    outcome = asyncio.run(live.run(PREPARATION))
    assert outcome.judged == ()
    assert (outcome.verdict, recorded(outcome).exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert len(outcome.pairs) == 1  # that is known after the first
    assert Outcome("a", "b").verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("missing", [0, 1])
def test_a_metric_that_one_side_does_not_give_is_no_pass(missing: int) -> None:
    """One side's memory can't be read: what it would have been is not known."""
    both = [200.0, 200.0]
    both[missing] = 0.0
    calls = np.full((2, 100), 2.0)

    def pair(*given: Any) -> Pair:
        return Pair({"predict": calls}, {}, {"memory": (both[0], both[1])})

    live = LiveComparison(
        (FakeSide("a"), FakeSide("b")), Terms(wanted("p50,memory", [], [])), measure=pair, rest=at_once
    )
    outcome = asyncio.run(live.run(PREPARATION))
    assert verdicts(outcome) == {"p50": "passed", "memory": "inconclusive"}
    assert outcome.verdict is Verdict.INCONCLUSIVE


def test_answers_from_a_cache_are_told() -> None:
    calls = np.full((2, 100), 2.0)
    live = LiveComparison(
        (FakeSide("a"), FakeSide("b")),
        Terms(wanted("p50", [], [])),
        measure=lambda *given: Pair({"predict": calls}, from_cache=(False, True)),
        rest=at_once,
    )
    notes = recorded(asyncio.run(live.run(PREPARATION))).notes
    assert [note for note in notes if "from its cache" in note] == [
        "b: answers came from its cache, so that what they cost without it is not compared."
    ]


class Unreachable(FakeSide):
    async def close(self) -> list[str]:
        await super().close()
        raise ConnectionError("connection refused")


def test_a_side_that_can_not_be_cleaned_up_is_told_and_the_other_one_is_cleaned() -> None:
    calls = np.full((2, 100), 2.0)
    sides = (Unreachable("http://a", is_ours=False), FakeSide("b"))
    live = LiveComparison(
        sides, Terms(wanted("p50", [], [])), measure=lambda *given: Pair({"predict": calls}), rest=at_once
    )
    outcome = asyncio.run(live.run(PREPARATION))
    assert outcome.verdict is Verdict.PASSED
    assert "http://a: not cleaned up: connection refused" in recorded(outcome).notes
    assert [side.closed for side in sides] == [1, 1]


@pytest.mark.parametrize(("stalled", "told"), [(0.9, True), (0.05, False), (None, False)])
def test_a_busy_machine_is_told_with_what_it_hides(stalled: float | None, told: bool) -> None:
    calls = np.full((2, 100), 2.0)
    live = LiveComparison(
        (FakeSide("a"), FakeSide("b")),
        Terms(wanted("p50", [], [])),
        measure=lambda *given: Pair({"predict": calls}, stalled_share=stalled),
        rest=at_once,
    )
    notes = recorded(asyncio.run(live.run(PREPARATION))).notes
    assert any("look smaller than it is" in note for note in notes) is told


def test_services_are_a_weaker_claim() -> None:
    sides = (FakeSide("http://a", is_ours=False), FakeSide("b"))
    calls = np.full((2, 100), 2.0)
    live = LiveComparison(
        sides,
        Terms(wanted("p50,memory", [], [])),
        measure=lambda *given: Pair({"predict": calls}),
        rest=at_once,
    )
    outcome = asyncio.run(live.run(PREPARATION))
    assert set(verdicts(outcome)) == {"p50"}
    assert recorded(outcome).kind == "services"
    assert any("weaker claim" in note for note in recorded(outcome).notes)


def test_ctrl_c_ends_both_sides_and_keeps_what_there_is() -> None:
    sides = (FakeSide("a"), FakeSide("b"))

    async def interrupted() -> Outcome:
        entered = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(started: Any, terms: PairTerms, chance: random.Random, stop: threading.Event) -> Pair:
            loop.call_soon_threadsafe(entered.set)
            assert stop.wait(30)
            return Pair()

        live = LiveComparison(sides, Terms(), measure=slow, rest=at_once)
        task = asyncio.create_task(live.run(PREPARATION))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return live.outcome

    outcome = asyncio.run(interrupted())
    assert outcome.interrupted
    assert recorded(outcome).exit_code == 130
    assert [(side.begun, side.ended, side.closed) for side in sides] == [(1, 1, 1)] * 2


def recorded(outcome: Outcome) -> ComparisonRecord:
    return record_of(outcome, started_at="", tool_version="1", command="", environment={})
