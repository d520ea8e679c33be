"""Lets connections in: all that wait, each time the event loop comes round.

libuv lets one in a round. While a round is short that is no matter; where each has much to do, connections would wait
in the kernel for longer than anyone has patience, unseen by whoever looks after how long requests wait.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

_BACKLOG = 2048
_MOST_A_ROUND = 512
"""So that those who are in already get their turn."""
_REST_S = 0.1
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


class Doorway:
    """Where connections come in; uvicorn takes it for an asyncio server. The listener stays its owner's to close."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._make_protocol = make_protocol
        self._coming: set[asyncio.Task[object]] = set()
        self._spare: int | None = None
        self._is_open = False

    def open(self) -> None:
        """Let connections in from now on."""
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._is_open = True
        self._loop.add_reader(self._listener, self._let_in)

    def close(self) -> None:
        """Let nobody in any more."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._listener)
            self._give_spare_up()

    async def wait_closed(self) -> None:
        """Wait for those who were just coming in."""
        await asyncio.gather(*self._coming, return_exceptions=True)

    def _let_in(self) -> None:
        for _ in range(_MOST_A_ROUND):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _NO_DESCRIPTORS or not self._turn_one_away():
                    self._rest()
                    return
                continue
            connection.setblocking(False)
            made = self._loop.connect_accepted_socket(self._make_protocol, connection)
            task: asyncio.Task[object] = self._loop.create_task(made)
            self._coming.add(task)
            task.add_done_callback(self._came)

    def _came(self, task: asyncio.Task[object]) -> None:
        self._coming.discard(task)
        if not task.cancelled():
            task.exception()  # gone again before it was in: nobody is left who could be told

    def _turn_one_away(self) -> bool:
        """Without a descriptor left: use the one kept for this to end a connection, which would wait for nothing."""
        if self._spare is None:
            return False
        self._give_spare_up()
        try:
            self._listener.accept()[0].close()
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        return True

    def _give_spare_up(self) -> None:
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _rest(self) -> None:
        """The listener would say at once, and again, that somebody waits."""
        self._loop.remove_reader(self._listener)
        self._loop.call_later(_REST_S, self._go_on)

    def _go_on(self) -> None:
        if not self._is_open:
            return
        if self._spare is None:
            with suppress(OSError):  # the next time, then
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._loop.add_reader(self._listener, self._let_in)
