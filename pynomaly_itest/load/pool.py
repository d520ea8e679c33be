"""The connections of one worker: which one sends the next request, and what waits while none is free."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections import deque
from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Protocol

from pynomaly_itest.load.client import Connection, code_of
from pynomaly_itest.load.frames import ROW
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.usual import UsualAnswer

if TYPE_CHECKING:
    from pynomaly_itest.load.wire import Prepared

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
"""Reasons for which a connection fails that are this machine's, not the target's: the request goes on waiting."""
_EXAMPLES = 5
_EXCERPT = 300
_MOST_SERVER_TIMES = 50_000


class Model(Protocol):
    """Who is told that a request has ended: an open model does not care, a closed one sends the next."""

    def following(self, now_ns: int) -> Prepared | None:
        """What a user whose request has just ended sends at once; None if that needs deciding (by `finished`)."""
        ...

    def finished(self, user: Any, now_ns: int, *, connected: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that is due but has no connection yet."""

    prepared: Prepared
    intended_ns: int
    dispatched_ns: int
    user: Any


@dataclass(frozen=True)
class Door:
    """Where to connect to. host: a numeric address, so that no name is looked up under load."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class Pool:
    """At most `limit` connections; requests beyond that wait in line, and at most `timeout_ns`."""

    def __init__(
        self,
        door: Door,
        *,
        limit: int,
        timeout_ns: int,
        connection: type[Connection],
        max_response_bytes: int,
    ) -> None:
        self.door = door
        self.limit = limit
        self.timeout_ns = timeout_ns
        self.max_response_bytes = max_response_bytes
        self.rows: list[bytes] = []
        self.usual = UsualAnswer()
        self.server_times_ms: list[float] = []
        self.examples: list[dict[str, Any]] = []
        self.retried = 0
        self.starved = 0
        self.verified = 0
        self.created: list[tuple[int, str]] = []
        self.model: Model | None = None
        self._factory = connection
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._waiting: deque[Waiting] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def unfinished(self) -> int:
        """Requests without an end so far."""
        return len(self._waiting) + sum(connection.busy for connection in self._all)

    def submit(self, prepared: Prepared, intended_ns: int, dispatched_ns: int, user: Any = None) -> None:
        """Send a request that was due at `intended_ns`: at once if a connection is free, else when one is."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if dispatched_ns - connection.idle_since_ns < prepared.reuse_within_ns:
                connection.start(prepared, intended_ns, dispatched_ns, monotonic_ns(), user)
                return
            connection.abort()
        self._waiting.append(Waiting(prepared, intended_ns, dispatched_ns, user))
        self._connect_if_short()

    async def connect_ahead(self, count: int) -> None:
        """Open connections before the load begins; failures show when requests are sent."""
        for begin in range(0, count, 64):
            size = min(64, count - begin)
            await asyncio.gather(*(self._open() for _ in range(size)), return_exceptions=True)

    def sweep(self, now_ns: int) -> None:
        """End what has waited too long for an answer, or for a connection."""
        late = now_ns - self.timeout_ns
        for connection in [c for c in self._all if c.busy and c.sent_ns < late]:
            connection.fail(Outcome.TIMED_OUT, now_ns)
        while self._waiting and self._waiting[0].intended_ns < late:
            self._end_waiting(self._waiting.popleft(), Outcome.DROPPED, now_ns)
        self._connect_if_short()

    def give_up(self, *, interrupted: bool) -> None:
        """End everything that has no end yet, and close."""
        self._closed = True
        now = monotonic_ns()
        self.model = None
        for connection in list(self._all):
            if connection.busy:
                connection.fail(Outcome.UNFINISHED if interrupted else Outcome.TIMED_OUT, now)
            else:
                connection.abort()
        while self._waiting:
            outcome = Outcome.UNFINISHED if interrupted else Outcome.DROPPED
            self._end_waiting(self._waiting.popleft(), outcome, now)
        for task in self._connecting:
            task.cancel()

    # what connections report (see client.Owner)

    def released(self, connection: Connection, now_ns: int) -> None:
        user, model = connection.user, self.model
        if self._waiting:
            self._start_waiting(connection, now_ns)
        elif user is not None and model is not None and (following := model.following(now_ns)) is not None:
            connection.start(following, now_ns, now_ns, now_ns, user)
            return
        else:
            connection.idle_since_ns = now_ns
            self._idle.append(connection)
        if user is not None and model is not None:
            model.finished(user, now_ns, connected=True)

    def lost(self, connection: Connection, *, ended_request: bool) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if ended_request and connection.user is not None and self.model is not None:
            self.model.finished(connection.user, monotonic_ns(), connected=True)
        self._connect_if_short()

    def try_again(self, connection: Connection) -> None:
        if connection.prepared is None:
            return
        self.retried += 1
        self._waiting.appendleft(
            Waiting(connection.prepared, connection.intended_ns, connection.dispatched_ns, connection.user)
        )

    def served_in(self, milliseconds: float) -> None:
        if len(self.server_times_ms) < _MOST_SERVER_TIMES:
            self.server_times_ms.append(milliseconds)

    def explain(self, prepared: Prepared, outcome: Outcome, status: int, body: bytes) -> None:
        if len(self.examples) < _EXAMPLES:
            excerpt = body[:_EXCERPT].decode("utf-8", "replace")
            self.examples.append(
                {"endpoint": prepared.code >> 8, "outcome": outcome.label, "status": status, "body": excerpt}
            )

    def compared(self) -> None:
        self.verified += 1

    def has_created(self, prepared: Prepared, created: str) -> None:
        self.created.append((prepared.code >> 8, created))

    # inside

    def _start_waiting(self, connection: Connection, now_ns: int) -> None:
        waiting = self._waiting.popleft()
        connection.start(waiting.prepared, waiting.intended_ns, waiting.dispatched_ns, now_ns, waiting.user)

    def _connect_if_short(self) -> None:
        opening = len(self._connecting)
        if self._closed or opening >= len(self._waiting) or len(self._all) + opening >= self.limit:
            return
        task = asyncio.ensure_future(self._open_for_waiting())
        self._connecting.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        self._connect_if_short()

    async def _open(self) -> Connection:
        door = self.door
        opening = asyncio.get_running_loop().create_connection(
            lambda: self._factory(self), door.host, door.port, ssl=door.tls, server_hostname=door.server_name
        )
        _, connection = await asyncio.wait_for(opening, self.timeout_ns / 1e9)
        connection.idle_since_ns = monotonic_ns()
        self._all.add(connection)
        self._idle.append(connection)
        return connection

    async def _open_for_waiting(self) -> None:
        try:
            connection = await self._open()
        except (TimeoutError, OSError) as error:  # TLS errors are OSErrors too
            if error.errno in _OURS:
                self.starved += 1
                self.limit = max(1, len(self._all))
                return
            outcome = Outcome.TIMED_OUT if isinstance(error, TimeoutError) else Outcome.REFUSED
            if self._waiting:
                self._end_waiting(self._waiting.popleft(), outcome, monotonic_ns())
            return
        if self._closed:
            connection.abort()
        elif self._waiting and connection in self._idle:
            self._idle.remove(connection)
            self._start_waiting(connection, monotonic_ns())

    def _end_waiting(self, waiting: Waiting, outcome: Outcome, now_ns: int) -> None:
        code = code_of(waiting.prepared, outcome, 0)
        self.rows.append(ROW.pack(code, waiting.intended_ns, waiting.dispatched_ns, now_ns, now_ns, now_ns))
        if waiting.user is not None and self.model is not None:
            self.model.finished(waiting.user, now_ns, connected=False)
