"""What a scenario created on the target and has to take away again, in reverse order, whatever happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pynomaly_itest.errors import CannotMeasure, EvidenceLost, ItestError
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import ResourceCreated, ResourceRemoved
from pynomaly_itest.target.platform import PlatformApi

_NOT_FOUND = (404, 410)
_GONE = (200, 202, 204, *_NOT_FOUND)
_ACCEPTED = 202
_ROUNDS = 2
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Between looks at what is being taken away behind a 202."""


@dataclass(frozen=True)
class Entry:
    """DELETE `path` (below the API's prefix) takes it away; GET `path` then answers 404."""

    kind: str
    id: str
    path: str
    api: PlatformApi | None = field(default=None, repr=False)
    """Who can take it away, where it is not the run's own account."""


@dataclass(frozen=True)
class OwnersLedger:
    """The same ledger for things that another account made and can take away."""

    ledger: CleanupLedger
    api: PlatformApi

    def created(self, kind: str, id: str, path: str) -> None:  # noqa: A002 - the field's word
        """Enter something."""
        self.ledger.created(kind, id, path, self.api)


@dataclass
class CleanupLedger:
    """Entered as things are created, so that also what a killed run left can be found in its event log."""

    scenario: str
    log: EventLog
    entries: dict[str, Entry] = field(default_factory=dict)
    created_count: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def of(self, api: PlatformApi) -> OwnersLedger:
        """This ledger for another account's things."""
        return OwnersLedger(self, api)

    def created(self, kind: str, id: str, path: str, api: PlatformApi | None = None) -> None:  # noqa: A002 - the field's word
        """Enter something; entering it again changes nothing (a cached result has one id)."""
        if path in self.entries:
            return
        self.entries[path] = Entry(kind, id, path, api)
        self.created_count += 1
        self.log.record(ResourceCreated, scenario=self.scenario, kind=kind, id=id, path=path)

    async def clean(self, api: PlatformApi) -> list[str]:
        """Remove everything, newest first, and look that it is gone; what is left, as sentences.

        What could not be removed is tried once more at the end: with an account goes what only it could reach. A
        target that doesn't answer is asked no further: the rest is left.
        """
        left: list[str] = []
        for _ in range(_ROUNDS):
            before, left = len(self.entries), []
            for entry in reversed(list(self.entries.values())):
                try:
                    problem = await self._take_away(api, entry)
                except ItestError as error:
                    return [*left, f"{entry.kind} {entry.id}: {error.message}"]
                if problem is None:
                    self._forget(entry)
                else:
                    left.append(f"{entry.kind} {entry.id}: {problem}")
            if not left or len(self.entries) == before:
                break
        return left

    def _forget(self, entry: Entry) -> None:
        del self.entries[entry.path]
        with contextlib.suppress(EvidenceLost):  # a full disk must not leave things on a target
            self.log.record(ResourceRemoved, scenario=self.scenario, kind=entry.kind, id=entry.id)

    async def _take_away(self, api: PlatformApi, entry: Entry) -> str | None:
        """Why `entry` is still there, or None. Who may make a thing may not always remove it: then we try."""
        if entry.api is None:
            return await self._remove(api, entry)
        with contextlib.suppress(CannotMeasure):  # its owner can log in no more
            if await self._remove(entry.api, entry) is None:
                return None
        problem = await self._remove(api, entry)
        return problem if problem is not None else await _seen_by_owner(entry.api, entry)

    async def _remove(self, api: PlatformApi, entry: Entry) -> str | None:
        """Why `entry` is still there in the eyes of this account, or None. A 202 is given time to come true."""
        deleted = await api.send("DELETE", entry.path)
        if deleted.status not in _GONE:
            return f"DELETE answered {deleted.status}"
        looked = await api.send("GET", entry.path)
        for pause_s in _PAUSES_S if deleted.status == _ACCEPTED else ():
            if looked.status in _NOT_FOUND:
                break
            await self.sleep(pause_s)
            looked = await api.send("GET", entry.path)
        if looked.status in _NOT_FOUND:
            return None
        return f"still there after DELETE answered {deleted.status} (GET answered {looked.status})"


async def _seen_by_owner(owner: PlatformApi, entry: Entry) -> str | None:
    """A 404 may mean that the thing is hidden from us; its owner sees it, unless the account is gone."""
    try:
        looked = await owner.send("GET", entry.path)
    except CannotMeasure:
        return None
    return f"still there for its owner (GET answered {looked.status})" if looked.status < 400 else None
