"""Nobody fills the queue of trainings, and nobody waits behind all of somebody else's."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pynomaly.domain.errors import Overloaded, RateLimited
from pynomaly.workers.fair_queue import FairQueue, Shares


@dataclass(frozen=True)
class Item:
    owner_id: str
    number: int = 0
    tenant_id: str = "t"


def filled(queue, items):
    """How many of them found room."""
    n_put = 0
    for item in items:
        try:
            queue.require_room(item)
        except RateLimited:
            continue
        queue.put(item)
        n_put += 1
    return n_put


def test_one_account_gets_its_share_of_the_places_and_the_others_theirs():
    queue = FairQueue(32, Shares())
    assert filled(queue, [Item("greedy", number) for number in range(34)]) == 8
    assert filled(queue, [Item("modest")]) == 1
    assert filled(queue, [Item("third", number) for number in range(34)]) == 7, (
        "of the tenant's half one is left"
    )
    assert filled(queue, [Item("fourth")]) == 0
    assert filled(queue, [Item("foreign", number, "u") for number in range(34)]) == 8
    assert len(queue) == 24


@pytest.mark.parametrize(("size", "shares"), [(1, Shares()), (2, Shares()), (3, Shares(0.1, 0.1))])
def test_a_small_queue_has_a_place_for_everybody_while_there_is_one(size, shares):
    queue = FairQueue(size, shares)
    n_put = filled(queue, [Item(f"u{number}", 0, f"t{number}") for number in range(size + 1)])
    assert n_put == size


def test_accounts_and_tenants_take_turns_whoever_came_first():
    queue = FairQueue(100, Shares(1, 1))
    filled(queue, [Item("a", number) for number in range(4)])
    filled(queue, [Item("b", 0), Item("b", 1), Item("z", 0, "u")])
    order = []
    while len(queue):
        item = queue.get()
        order.append(f"{item.owner_id}{item.number}")
        queue.done(item)
    assert order == ["a0", "z0", "b0", "a1", "b1", "a2", "a3"]


def test_whoever_has_workers_already_waits_for_those_who_have_none():
    queue = FairQueue(100, Shares(1, 1))
    filled(queue, [Item("a", number) for number in range(3)])
    first, second = queue.get(), queue.get()
    filled(queue, [Item("b"), Item("c", 0, "u")])
    assert [queue.get().owner_id for _ in range(2)] == ["c", "b"]
    queue.done(first)
    queue.done(second)
    assert queue.get() == Item("a", 2)


def test_nothing_is_kept_of_who_has_nothing_here_any_more():
    queue = FairQueue(10, Shares(1, 1))
    for number in range(100):
        filled(queue, [Item(f"u{number}", 0, f"t{number}")])
        queue.done(queue.get())
    assert len(queue._served) == len(+queue._running) == 0


def test_a_closed_queue_gives_and_takes_nothing():
    queue = FairQueue(10, Shares())
    filled(queue, [Item("a")])
    queue.close()
    assert queue.get() is None
    with pytest.raises(Overloaded):
        queue.require_room(Item("b"))


def test_trainings_of_one_account_leave_room_for_those_of_another(in_process):
    platform = in_process()
    greedy, modest = platform.add("greedy"), platform.add("modest")
    dataset, detector = greedy.upload(), greedy.detector()
    answers = [greedy.sent_training(detector, dataset) for _ in range(34)]
    assert [answer.status_code for answer in answers] == [202] * 8 + [429] * 26
    assert int(answers[-1].headers["retry-after"]) >= 1
    modest.train(modest.detector(), modest.upload())
    first, second = (platform.platform.pool._queue.get() for _ in range(2))
    assert [job.owner_id for job in (first, second)] == [greedy.id, modest.id]
