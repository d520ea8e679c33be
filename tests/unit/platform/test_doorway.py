"""Connections are let in, all that wait; without descriptors they are turned away, and the loop does not spin."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
import uvloop

from pynomaly.doorway import Doorway


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_all_that_wait_are_let_in_at_one_turn(loop_factory):
    n = 100
    made = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            made.append(transport)

    async def turn():
        loop = asyncio.get_running_loop()
        doorway = Doorway(loop, listener, Protocol)
        listener.listen(n)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(n)]
        doorway.open()
        doorway._let_in()  # one turn
        await doorway.wait_closed()
        assert len(made) == n
        doorway.close()
        doorway.close()
        for each in [*made, *clients]:
            each.close()
        await asyncio.sleep(0)

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        asyncio.Runner(loop_factory=loop_factory) as runner,
    ):
        runner.run(turn())


class Loop:
    """Notes what it is asked for."""

    def __init__(self):
        self.readers, self.later = [], []

    def add_reader(self, listener, function):
        self.readers.append(function)

    def remove_reader(self, listener):
        self.readers.clear()

    def call_later(self, delay_s, function):
        self.later.append(function)


class Connection:
    is_closed = False

    def close(self):
        self.is_closed = True


class Listener:
    """Answers `accept` from a list."""

    def __init__(self, answers):
        self.answers = answers

    def listen(self, backlog):
        self.backlog = backlog

    def setblocking(self, flag):
        assert not flag

    def accept(self):
        found = self.answers.pop(0) if self.answers else BlockingIOError()
        if isinstance(found, Exception):
            raise found
        return found, ("127.0.0.1", 1)


def opened(*answers):
    loop, listener = Loop(), Listener(list(answers))
    doorway = Doorway(loop, listener, asyncio.Protocol)
    doorway.open()
    return loop, listener, doorway


def test_without_descriptors_connections_are_ended_and_it_goes_on():
    first, second = Connection(), Connection()
    none_left = OSError(errno.EMFILE, "none left")
    loop, _, doorway = opened(none_left, first, none_left, second)
    (let_in,) = loop.readers
    let_in()
    assert first.is_closed
    assert second.is_closed
    assert loop.readers == [let_in]
    doorway.close()
    assert loop.readers == []


@pytest.mark.parametrize(
    "answers", [[OSError(errno.ENOBUFS, "no room")], [OSError(errno.EMFILE, "x"), OSError(errno.EMFILE, "x")]]
)
def test_where_it_can_not_go_on_it_rests_for_a_moment(answers):
    loop, _, doorway = opened(*answers)
    loop.readers[0]()
    assert loop.readers == []
    (go_on,) = loop.later
    go_on()
    assert len(loop.readers) == 1
    doorway.close()
    go_on()
    assert loop.readers == []


def test_a_connection_that_is_gone_again_stops_nobody():
    loop, listener, doorway = opened(ConnectionAbortedError(), ConnectionAbortedError())
    loop.readers[0]()
    assert listener.answers == []
    assert len(loop.readers) == 1
    doorway.close()
