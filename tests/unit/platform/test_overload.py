"""Who is refused and who is not, on a simulated event loop: time passes only as work takes it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from pynomaly.api.gateway import Gateway
from pynomaly.api.metrics import Metrics
from pynomaly.api.off_loop import Threads, each_off_loop
from pynomaly.api.overload import FEWEST, Admission, Line, Patience, Place, Shed, place_in_line

PATIENCE = Patience(target_s=0.5, interval_s=1.0)
REFUSAL_S = 0.0001


@dataclass
class World:
    """One event loop: each time round it runs the timers that are due, then all requests that have come by then.

    pauses: (from, to) in which nothing runs, as when the process is stopped or a neighbour has the processor.
    """

    patience: Patience = PATIENCE
    pauses: list[tuple[float, float]] = field(default_factory=list)
    now_s: float = 0.0
    timers: list[tuple[float, object]] = field(default_factory=list)
    shed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self):
        self.admission = Admission(
            self.patience,
            lambda: self.now_s,
            lambda delay_s, look: self.timers.append((self.now_s + delay_s, look)),
            lines=("threads",),
            line_of=lambda scope: scope.get("line"),
            is_exempt=lambda scope: scope["path"] == "/health",
            on_shed=lambda line: self.shed.update([line]),
        )

    def works(self, seconds):
        """Time passes, and longer where there is a pause."""
        self.now_s += seconds
        for begins_s, ends_s in self.pauses:
            if begins_s <= self.now_s < ends_s:
                self.now_s = ends_s

    def serve(self, arrivals_s, cost_s):
        """Serve requests that come at these times (sorted); how long each that was taken on was on its way."""
        waiting, took_s = list(arrivals_s), []
        while waiting:
            self.works(max(1e-5, min([waiting[0], *(at for at, _ in self.timers)]) - self.now_s))
            self.run_timers()
            ready = [at for at in waiting if at <= self.now_s]
            waiting = waiting[len(ready) :]
            for came_s in ready:
                if self.admission.refuse({"path": "/x"}, self.now_s) is None:
                    self.works(cost_s)
                    took_s.append((came_s, self.now_s - came_s))
                else:
                    self.works(REFUSAL_S)
        return took_s

    def run_timers(self):
        due = [timer for timer in self.timers if timer[0] <= self.now_s]
        self.timers = [timer for timer in self.timers if timer[0] > self.now_s]
        for _, look in due:
            look()

    def idle(self, seconds):
        """Nothing but timers for so long."""
        end_s = self.now_s + seconds
        while self.timers and min(at for at, _ in self.timers) <= end_s:
            self.now_s = max(self.now_s, min(at for at, _ in self.timers))
            self.run_timers()
        self.now_s = end_s


def at_rate(per_s, begins_s, ends_s):
    return [begins_s + n / per_s for n in range(round(per_s * (ends_s - begins_s)))]


@pytest.mark.parametrize("times", [2, 3, 10])
def test_beyond_its_capacity_it_refuses_and_serves_the_others_in_time(times):
    world = World()
    took_s = world.serve(at_rate(200 * times, 0, 8), cost_s=1 / 200)
    assert world.shed["loop"] > 0
    assert max(took for _, took in took_s) < 2.6  # until it is sure that the line stays
    assert max(took for came, took in took_s if came > 3) < 2.5 * PATIENCE.target_s
    assert (
        len([came for came, _ in took_s if 3 < came < 8]) > 0.6 * 200 * 5
    )  # what is left is spent on refusing


def test_without_protection_everybody_waits():
    world = World(Patience(0.0, 1.0))
    took_s = world.serve(at_rate(600, 0, 8), cost_s=1 / 200)
    assert max(took for _, took in took_s) > 10
    assert not world.shed
    assert not world.timers


@pytest.mark.parametrize(
    ("arrivals_s", "cost_s", "pauses"),
    [
        pytest.param(at_rate(180, 0, 10), 1 / 200, [], id="nine tenths of its capacity"),
        pytest.param(at_rate(200, 0, 6), 0.001, [(2.0, 3.5)], id="stopped for 1.5 s, then a backlog"),
        pytest.param(at_rate(200, 0, 6), 0.001, [(2.0, 5.0)], id="stopped for 3 s, then a backlog"),
        pytest.param(at_rate(200, 0, 6), 0.001, [(s, s + 0.2) for s in (1, 2, 3, 4)], id="a neighbour now and then"),
        pytest.param(
            at_rate(50, 0, 6), 0.001, [(s / 4, s / 4 + 0.2) for s in range(24)], id="a neighbour takes four fifths"
        ),
        pytest.param(
            [*at_rate(20, 0, 2), *at_rate(200, 2, 3), *at_rate(20, 3, 6)], 0.008, [], id="ten times within a second"
        ),
        pytest.param([0.0] * 250, 0.004, [], id="250 at once, done after a second"),
        pytest.param(at_rate(7, 0, 8), 0.6, [], id="few, and each takes long"),
    ],
)  # fmt: skip
def test_what_passes_by_itself_is_no_overload(arrivals_s, cost_s, pauses):
    world = World(pauses=pauses)
    took_s = world.serve(sorted(arrivals_s), cost_s) if cost_s < 0.1 else slowly(world, arrivals_s, cost_s)
    assert not world.shed
    assert len(took_s) == len(arrivals_s)


def slowly(world, arrivals_s, cost_s):
    """Never more than FEWEST - 1 wait: whoever asks has few connections."""
    took_s = []
    for n in range(0, len(arrivals_s), FEWEST - 1):
        took_s += world.serve([max(world.now_s, at) for at in arrivals_s[n : n + FEWEST - 1]], cost_s)
    return took_s


def test_after_the_storm_it_is_as_before_and_no_timer_is_left():
    world = World()
    world.serve(at_rate(600, 0, 5), cost_s=1 / 200)
    assert world.admission.is_overloaded
    refused = world.shed.total()
    world.idle(2.0)
    assert not world.admission.is_overloaded
    world.idle(1.0)
    assert not world.timers
    world.serve([world.now_s + at for at in at_rate(150, 1, 4)], cost_s=1 / 200)
    assert world.shed.total() == refused


def test_health_is_answered_in_the_midst_of_it():
    world = World()
    world.serve(at_rate(600, 0, 5), cost_s=1 / 200)
    world.now_s += 2  # the loop is late again
    for _ in range(FEWEST):
        world.admission.refuse({"path": "/health"}, world.now_s)
    assert world.admission.refuse({"path": "/health"}, world.now_s) is None
    refusal = world.admission.refuse({"path": "/x"}, world.now_s)
    assert isinstance(refusal, Shed)
    assert (refusal.status, refusal.code) == (503, "overloaded")


def test_who_is_refused_is_not_asked_who_they_are():
    """The gateway answers by itself: nothing behind it, authentication least of all, hears of the request."""
    world, reached, sent = World(), [], []

    async def behind(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    gateway = Gateway(behind, Metrics(), world.admission, clock_s=lambda: world.now_s)
    asked = {"type": "http", "method": "GET", "path": "/x", "headers": [(b"authorization", b"Bearer x")]}
    asyncio.run(gateway(dict(asked), None, send))
    assert (reached, sent.pop()["status"]) == (["/x"], 200)
    world.serve(at_rate(2000, 0, 4), cost_s=1 / 200)
    assert world.admission.is_overloaded
    while world.admission.refuse({"path": "/x"}, world.now_s) is None:
        world.works(0.05)
    reached.clear()
    asyncio.run(gateway(dict(asked), None, send))
    start, body = sent
    assert (reached, start["status"]) == ([], 503)
    assert dict(start["headers"])[b"retry-after"] in (b"1", b"2", b"3")
    assert b'"code":"overloaded"' in body["body"]


def test_those_who_are_refused_together_are_not_told_to_come_back_together():
    world = World()
    told = [world.admission.shed("loop").retry_after_s for _ in range(6)]
    assert sorted(set(told)) == [1, 2, 3]


def test_a_line_needs_a_whole_interval_without_exception_either_way():
    line = Line("x", PATIENCE)
    for now_s in (0.0, 0.5, 0.9):
        line.saw(0.6, now_s)
    line.saw(0.5, 0.95)  # just within the target: from the start again
    for now_s in (1.0, 1.99):
        line.saw(9.0, now_s)
        assert not line.stays
    line.saw(9.0, 2.0)
    assert line.stays
    line.saw(0.0, 2.1)
    line.saw(0.6, 3.0)
    line.saw(0.0, 3.125)
    line.saw(0.0, 4.12)
    assert line.stays
    line.saw(0.0, 4.125)
    assert not line.stays


def stand_until_it_stays(world, n=FEWEST):
    """So many wait for a thread, and none gets one, until it is clear that the line stays."""
    places = [world.admission.stand("threads") for _ in range(n)]
    world.admission.refuse({"path": "/x"}, world.now_s)  # somebody came: now it is looked
    world.idle(2.0)
    return places


def test_a_line_for_threads_that_stays_lets_nobody_join():
    world = World()
    stand_until_it_stays(world)
    assert world.admission.is_overloaded
    assert world.admission.refuse({"path": "/x", "line": "threads"}, world.now_s) is not None
    assert world.admission.refuse({"path": "/x"}, world.now_s) is None  # needs no thread
    with pytest.raises(Shed):
        world.admission.stand("threads")
    assert world.shed["threads"] == 2


def test_who_waited_too_long_in_a_line_that_stays_is_not_begun_and_who_did_not_is():
    world = World()
    places = stand_until_it_stays(world)
    with pytest.raises(Shed):
        places[0].work(lambda: "done")
    for place in places:
        place.is_left = True
    assert world.admission.stand("threads").work(lambda: "done") == "done"


def test_a_short_line_for_threads_is_no_overload_however_long_it_takes():
    world = World()
    places = stand_until_it_stays(world, FEWEST - 1)
    assert not world.admission.is_overloaded
    assert places[0].work(lambda: "done") == "done"


def test_a_line_for_threads_that_moves_is_no_overload():
    world = World()
    places = [world.admission.stand("threads") for _ in range(2 * FEWEST)]
    world.admission.refuse({"path": "/x"}, world.now_s)
    for _ in range(100):  # the first of a long line waits for 0.4 s, all the time
        world.idle(0.4)
        for place in places:
            place.work(lambda: None)
        places = [world.admission.stand("threads") for _ in range(2 * FEWEST)]
    assert not world.admission.is_overloaded
    assert not world.shed


def test_only_the_first_call_of_a_request_stands_in_line():
    async def request():
        world = World()
        world.admission.enter()
        return place_in_line("threads"), place_in_line("threads")

    first, second = asyncio.run(request())
    assert isinstance(first, Place)
    assert second is None


def test_a_request_that_is_given_up_leaves_its_place():
    world = World()

    async def request(threads):
        world.admission.enter()
        await threads.call(lambda: None)

    async def give_up():
        none = Threads("threads", 0)  # nobody ever gets one
        task = asyncio.create_task(request(none))
        await asyncio.sleep(0)
        assert world.admission._lines["threads"].longest_wait_s(1.0) == 1.0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(give_up())
    assert world.admission._lines["threads"].longest_wait_s(1.0) == 0.0


def test_an_answer_that_has_begun_is_not_cut_off():
    world = World()
    stand_until_it_stays(world)

    async def pieces():
        world.admission.enter()
        return [piece async for piece in each_off_loop(iter([b"a", b"b"]), lambda: None)]

    assert asyncio.run(pieces()) == [b"a", b"b"]


def test_a_call_outside_a_request_is_never_refused():
    async def call():
        return await Threads("threads", 1).call(lambda: "done")

    assert asyncio.run(call()) == "done"
