"""A pair as it is measured over sockets, and processor time slice by slice."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import replace

import numpy as np
import pytest
from misbehaving import Behaviour, Connection, serving
from msgspec.structs import replace as with_fields

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.metrics import Metric, absolute, paired
from pynomaly_itest.comparison.pairing import Pair, Pairing, PairTerms, SideFailed
from pynomaly_itest.comparison.processor import Mark, cpu_each
from pynomaly_itest.comparison.sides import Started
from pynomaly_itest.comparison.workload import Question
from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.load.plan import Check, Endpoint
from pynomaly_itest.measure import Tolerance
from pynomaly_itest.measure.pairs import effect_of

CPU = Metric("cpu", "cpu")


def marks(burst_s: float = 0.0, slower: float = 1.0) -> list[Mark]:
    """Ten slices of 20 turns, 1 ms an answer; the base does something else in the fifth."""
    found = [Mark(0, 1.0, 1.0)]
    for number in range(10):
        before = found[-1]
        assert before.base_s is not None
        assert before.candidate_s is not None
        extra = burst_s if number == 4 else 0.0
        found.append(
            Mark(before.turns + 20, before.base_s + 0.02 + extra, before.candidate_s + 0.02 * slower)
        )
    return found


@pytest.mark.parametrize("burst_s", [0.0, 0.1])
def test_a_burst_moves_one_slice_only(burst_s: float) -> None:
    pairs = [
        Pair(figures=dict(cpu_each(marks(burst_s if number == 2 else 0.0, 1.05)))) for number in range(6)
    ]
    assert absolute(CPU, pairs) == pytest.approx((1.0, 1.05))
    effect = effect_of(paired(CPU, pairs, Tolerance()).clusters)
    assert effect is not None
    assert effect.value == pytest.approx(np.log(1.05))


def test_what_is_not_told_is_no_figure() -> None:
    assert cpu_each([Mark(0, None, None), Mark(20, None, None)]) == {}
    assert cpu_each([Mark(0, 1.0, 1.0)]) == {}
    assert cpu_each([]) == {}
    assert cpu_each([Mark(0, 1.0, 1.0), Mark(0, 1.1, 1.1)]) == {}


SCORE = Question(
    "s", "s", "s", Endpoint(path="/score", bodies=(b"{}",), checks=(Check("labels", "length", 2),))
)
QUICK = PairTerms(asking_s=0.3, blocks=0)


def measured(base: Behaviour, candidate: Behaviour, *names: str, terms: PairTerms = QUICK) -> Pair:
    questions = tuple(
        replace(SCORE, name=name, endpoint=with_fields(SCORE.endpoint, path=f"/{name}"))
        for name in names or ("s",)
    )
    chance = random.Random(1)  # noqa: S311 - an order of questions
    with serving(base) as one, serving(candidate) as other:
        started = (Started(Door(one), questions), Started(Door(other), questions))
        return Pairing(started, terms, chance, threading.Event()).run()


def right(head: str, connection: Connection) -> None:
    connection.answer(200, '{"labels": [0, 1]}')


def every_other(status: int, body: str) -> Behaviour:
    """Right when it is warmed up; then every other answer is that."""
    numbers = itertools.count()

    def behave(head: str, connection: Connection) -> None:
        number = next(numbers)
        wrong = number >= 40 and number % 2
        connection.answer(status if wrong else 200, body if wrong else '{"labels": [0, 1]}')

    return behave


def test_two_services_that_answer_are_a_pair() -> None:
    pair = measured(right, right)
    assert pair.latency_ms["s"].shape[1] > 10
    assert pair.from_cache == (False, False)
    took_ms, waited_ms = pair.waiting["s"].swapaxes(0, 1)
    assert np.array_equal(took_ms, pair.latency_ms["s"][:, ::8])
    assert (waited_ms >= 0).all()


@pytest.mark.parametrize(("status", "body"), [(503, "{}"), (429, '{"labels": [0, 1]}'), (404, "{}")])
@pytest.mark.parametrize("index", [0, 1])
def test_a_side_that_fails_half_its_requests_fast_is_no_pair(index: int, status: int, body: str) -> None:
    sides = [right, right]
    sides[index] = every_other(status, body)
    with pytest.raises(SideFailed, match=f"answered {status}") as caught:
        measured(*sides)
    assert caught.value.index == index


def test_answers_that_are_empty_fast_and_200_are_found() -> None:
    def emptied(head: str, connection: Connection) -> None:
        connection.answer(200, '{"labels": [0, 1]}' if next(numbers) < 60 else '{"labels": []}')

    numbers = itertools.count()
    with pytest.raises(SideFailed, match="the answer is wrong"):
        measured(right, emptied, terms=replace(QUICK, asking_s=10.0))


def test_every_question_is_looked_at_however_many_there_are() -> None:
    """The last of sixty is answered wrongly, once warm; its first turn is the sixtieth."""
    asked = itertools.count()

    def last_is_wrong(head: str, connection: Connection) -> None:
        wrong = "/q59 " in head and next(asked) >= 30
        connection.answer(200, '{"labels": []}' if wrong else '{"labels": [0, 1]}')

    names = [f"q{number}" for number in range(60)]
    with pytest.raises(SideFailed, match="the answer is wrong"):
        measured(right, last_is_wrong, *names, terms=replace(QUICK, asking_s=5.0))


def test_what_a_cache_in_between_answers_is_nobodys_fault() -> None:
    def stored(head: str, connection: Connection) -> None:
        connection.answer(200, '{"labels": [0, 1]}', Age="7")

    with pytest.raises(CannotMeasure, match="a cache in between"):
        measured(right, stored)


def test_answers_of_a_sides_own_cache_are_told() -> None:
    def cached(head: str, connection: Connection) -> None:
        connection.answer(200, '{"labels": [0, 1]}', X_Cache="HIT")

    assert measured(right, cached).from_cache == (False, True)
