"""The search for a capacity on targets that are computed: one worker, known service time, a clock of its own."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from pynomaly_itest.load import ConstantArrivalRate, Endpoint, LoadPlan, LoadResult, Outcome, PoissonArrivals
from pynomaly_itest.load.capacity import Found, Search
from pynomaly_itest.load.frames import End
from pynomaly_itest.load.ledger import Ledger
from pynomaly_itest.load.levels import proven, seen_in
from pynomaly_itest.load.objectives import Objective
from pynomaly_itest.load.search import Bounds
from pynomaly_itest.load.summary import Course, summarise
from pynomaly_itest.verdicts import Verdict

MS = 1_000_000
P99 = Objective("latency_ms.p99", 100.0)
ERRORS = Objective("error_ratio", 0.01)
Rows = Callable[[float, float], list[tuple[float, float, Outcome]]]
"""rate, seconds -> (due ms, latency ms, outcome) of each request."""


def one_worker(service_ms: float, most_waiting: int = 10**9) -> Rows:
    """Carries 1000 / service_ms a second; with more waiting than that, it sheds."""

    def rows(rate: float, seconds: float) -> list[tuple[float, float, Outcome]]:
        free_ms, seen = 0.0, []
        for number in range(math.ceil(rate * seconds - 1e-9)):
            due_ms = 1000 * number / rate
            if free_ms - due_ms > most_waiting * service_ms:
                seen.append((due_ms, 0.5, Outcome.SHED))
                continue
            free_ms = max(free_ms, due_ms) + service_ms
            seen.append((due_ms, free_ms - due_ms, Outcome.STATUS_2XX))
        return seen

    return rows


def result_of(rows: Rows, rate: float, seconds: float, *, lag_ms: float = 0.05) -> LoadResult:
    is_random = rows.__qualname__.startswith("at_random")
    executor = (PoissonArrivals if is_random else ConstantArrivalRate)(rate=rate, duration_s=seconds)
    plan = LoadPlan(url="http://127.0.0.1:1", endpoints=(Endpoint(),), executor=executor)
    table = [
        [
            outcome << 1 | (outcome is Outcome.STATUS_2XX),
            int(due * MS),
            *sent,
            *[int((due + latency) * MS)] * 2,
        ]
        for due, latency, outcome in rows(rate, seconds)
        for sent in [[int((due + lag_ms) * MS)] * 2]
    ]
    book = Ledger(0.0, 1)
    book.add_rows(np.array(table, dtype=np.int64).tobytes())
    return summarise(plan, book, Course([End(0.1, seconds, 0, 0, [], [])], [], None, None, 0.95))


@dataclass
class Bench:
    """A target, and a clock that every hold moves on."""

    rows: Rows
    lag_ms: Callable[[float], float] = lambda rate: 0.05
    amiss: str | None = None
    now_s: float = 0.0
    held: list[tuple[float, float]] = field(default_factory=list)

    async def hold(self, rate: float, seconds: float) -> LoadResult:
        self.now_s += seconds + 0.7
        self.held.append((rate, seconds))
        return result_of(self.rows, rate, seconds, lag_ms=self.lag_ms(rate))

    async def settle(self) -> str | None:
        return self.amiss

    def search(self, bounds: Bounds, *objectives: Objective, budget_s: float = 300) -> Found:
        return asyncio.run(
            Search(
                bounds=bounds,
                objectives=objectives or (P99, ERRORS),
                level_s=4,
                budget_s=budget_s,
                confidence=0.95,
                hold=self.hold,
                settle=self.settle,
                clock=lambda: self.now_s,
            ).run()
        )


@pytest.mark.parametrize("service_ms", [2.0, 4.9, 10.0, 13.7])
def test_a_known_capacity_lies_in_the_interval_and_both_ends_are_proven(service_ms: float) -> None:
    capacity = 1000 / service_ms
    found = Bench(one_worker(service_ms)).search(Bounds(20, 2000, 0.1))
    assert found.is_final
    assert found.low is not None
    assert found.high is not None
    assert found.low <= capacity <= found.high <= 1.25 * found.low
    assert "latency" in found.reason  # over its limit, or still growing


def test_what_sheds_breaks_by_its_errors() -> None:
    found = Bench(one_worker(10.0, most_waiting=5)).search(Bounds(20, 1000, 0.1))
    assert found.held is not None
    assert 85 <= found.held <= 101
    assert "error_ratio is" in found.reason
    assert re.search(r"; it refused \d+ of \d+ requests with 429 or 503$", found.reason)


def test_what_only_queues_is_not_said_to_refuse() -> None:
    assert "refused" not in Bench(one_worker(10.0)).search(Bounds(20, 1000, 0.1)).reason


def test_a_quantile_that_needs_more_requests_is_held_longer_on_its_second_test() -> None:
    bench = Bench(one_worker(20.0))
    found = bench.search(Bounds(10, 200, 0.1))
    assert found.low is not None
    assert 40 <= found.low <= 50
    assert max(seconds for rate, seconds in bench.held if rate == found.low) > 4


def at_random(service_ms: float, seed: int = 1) -> Rows:
    """One worker again, of a known service time, asked at random moments."""

    def rows(rate: float, seconds: float) -> list[tuple[float, float, Outcome]]:
        chance = np.random.default_rng([seed, int(10 * rate), int(seconds)])
        due = np.cumsum(chance.exponential(1000 / rate, math.ceil(rate * seconds)))
        free_ms, seen = 0.0, []
        for due_ms in due[due < 1000 * seconds]:
            free_ms = max(free_ms, due_ms) + service_ms
            seen.append((float(due_ms), free_ms - float(due_ms), Outcome.STATUS_2XX))
        return seen

    return rows


@pytest.mark.parametrize(("service_ms", "limit_ms"), [(400.0, 2000.0), (120.0, 500.0), (8.0, 60.0)])
def test_the_capacity_of_a_slow_service_is_found_from_one_request_a_second_on(
    service_ms: float, limit_ms: float
) -> None:
    """M/D/1 at 60 to 90 % of its worker breaks a p95 of some service times, and at less it does not."""
    bench = Bench(at_random(service_ms))
    found = bench.search(Bounds(1, 500, 0.25), Objective("latency_ms.p95", limit_ms), budget_s=900)
    assert found.is_final, found.reason
    assert found.low is not None
    assert found.high is not None
    assert 0.4 * 1000 / service_ms <= found.low <= found.high <= 1.3 * 1000 / service_ms
    first = dict(reversed(bench.held))
    assert all(rate * seconds >= 19 for rate, seconds in first.items())  # as many as a p95 needs


@pytest.mark.parametrize("seed", range(20))
def test_random_arrivals_are_no_lack_of_steadiness(seed: int) -> None:
    assert seen_in(result_of(at_random(10.0, seed), 40, 6), (P99, ERRORS)) == ("held", "")


def test_answers_that_fall_behind_break_a_level_before_its_latency_does() -> None:
    behind = result_of(one_worker(25.0), 60, 4)
    verdict, reason = seen_in(behind, (Objective("latency_ms.p99", 60_000.0),))
    assert verdict == "unsteady"
    assert "answers fall behind: " in reason


def test_how_long_it_will_take_is_told_before_and_kept() -> None:
    for service_ms in (2.0, 13.7, 60.0):
        bench, told = Bench(one_worker(service_ms)), list[str]()
        search = Search(
            bounds=Bounds(10, 1000, 0.1),
            objectives=(Objective("latency_ms.p95", 100.0),),
            level_s=4,
            budget_s=600,
            confidence=0.95,
            hold=bench.hold,
            settle=bench.settle,
            clock=lambda bench=bench: bench.now_s,
            tell=told.append,
        )
        asyncio.run(search.run())
        assert told[0] == f"10 to 1000/s: at most about {search.longest_s():.0f} s"
        assert bench.now_s <= 1.5 * search.longest_s()  # what disagrees is tested a third time
    search.budget_s = 20
    assert search._foreseen().endswith("and ends after 20 s with a wider interval")


def test_nothing_is_proven_with_too_few_requests() -> None:
    found = Bench(one_worker(60.0)).search(Bounds(1, 10, 0.1), budget_s=40)
    assert found.held is not None
    assert found.low is None


def test_what_holds_up_to_the_highest_rate_is_an_at_least() -> None:
    found = Bench(one_worker(0.1)).search(Bounds(50, 400, 0.1))
    assert (found.held, found.low, found.broken, found.high) == (400, 400, None, None)
    assert "nothing broke up to 400" in found.reason


def test_what_breaks_from_the_start_has_an_upper_end_only() -> None:
    found = Bench(one_worker(5000.0)).search(Bounds(16, 400, 0.1))
    assert (found.held, found.low) == (None, None)
    assert found.high == 1


def test_a_budget_that_ends_early_leaves_a_wider_interval_that_is_proven() -> None:
    bench = Bench(one_worker(5.1))
    found = bench.search(Bounds(50, 2000, 0.01), budget_s=45)
    assert bench.now_s <= 50
    assert not found.is_final
    assert found.low is not None
    assert found.low <= 1000 / 5.1 <= (found.high or 0)


def test_a_generator_that_is_late_never_blames_the_target() -> None:
    """From 300 a second on it is the generator that is 200 ms late: the target takes 1 ms throughout."""
    late = Bench(
        lambda rate, seconds: [
            (1000 * n / rate, 201.0 if rate > 300 and n % 20 == 0 else 1.0, Outcome.STATUS_2XX)
            for n in range(math.ceil(rate * seconds - 1e-9))
        ],
        lag_ms=lambda rate: 200.0 if rate > 300 else 0.05,
    )
    found = late.search(Bounds(50, 2000, 0.1))
    assert "the load generator itself was the bottleneck" in found.untold
    assert found.untold == found.reason
    assert (found.broken, found.high) == (None, None)
    assert found.held == 200


def test_a_target_that_breaks_by_itself_is_blamed_though_the_generator_was_late() -> None:
    found = Bench(one_worker(10.0), lag_ms=lambda rate: 20.0).search(Bounds(50, 400, 0.1))
    assert found.untold == ""
    assert found.broken is not None
    assert found.broken > 99


def test_a_target_that_does_not_become_well_again_ends_the_search() -> None:
    bench = Bench(one_worker(10.0), amiss="a single request takes 5000 ms")
    found = bench.search(Bounds(60, 2000, 0.1))
    assert [rate for rate, _ in bench.held] == [60, 120]
    assert "was not well again: a single request takes 5000 ms" in found.reason
    assert not found.is_final


def test_a_rate_that_never_becomes_steady_breaks_and_says_so() -> None:
    """Its latency climbs from 1 to 80 ms, never over the limit, and never still."""
    climbing: Rows = lambda rate, seconds: [  # noqa: E731
        (1000 * n / rate, 1 + (79 * n / (rate * seconds) if rate > 100 else 0), Outcome.STATUS_2XX)
        for n in range(math.ceil(rate * seconds - 1e-9))
    ]
    bench = Bench(climbing)
    found = bench.search(Bounds(100, 200, 0.5))
    assert found.broken is not None
    assert sum(rate == found.broken for rate, _ in bench.held) == 6
    assert "the median latency grows" in found.reason


def test_no_answer_at_all_is_no_level_that_holds() -> None:
    def silence(rate: float, seconds: float) -> list[tuple[float, float, Outcome]]:
        return [(1000 * n / rate, 50.0, Outcome.REFUSED) for n in range(math.ceil(rate * seconds - 1e-9))]

    assert seen_in(result_of(silence, 100, 4), (P99,))[0] == "broke"
    assert Bench(silence).search(Bounds(16, 100, 0.1)).held is None


def test_a_rate_without_tests_is_not_proven() -> None:
    assert proven([], 100.0, (P99,), 0.95) is Verdict.INCONCLUSIVE


def test_objectives_are_read_from_results() -> None:
    result = result_of(one_worker(10.0), 50, 4)
    assert P99.holds(result)
    assert not replace(P99, limit=9.0).holds(result)
    assert Objective("latency_ms.mean", 10.1).holds(result)
    assert not Objective("wrong_ratio", 1.0).holds(result)  # nothing was verified
