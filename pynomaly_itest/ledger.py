"""What a scenario created on the target and has to take away again, in reverse order, whatever happened."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from pynomaly_itest.errors import EvidenceLost, ItestError
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import ResourceCreated, ResourceRemoved
from pynomaly_itest.target.platform import PlatformApi

_GONE = (200, 202, 204, 404, 410)


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

        A target that doesn't answer is asked no further: the rest is left.
        """
        left: list[str] = []
        for entry in reversed(list(self.entries.values())):
            try:
                problem = await self._remove(entry.api or api, entry)
                if problem is not None and entry.api is not None:  # who may make a thing may not always remove it
                    problem = await self._remove(api, entry)
            except ItestError as error:
                left += [f"{entry.kind} {entry.id}: {error.message}"]
                break
            if problem is None:
                del self.entries[entry.path]
                with contextlib.suppress(EvidenceLost):  # a full disk must not leave things on a target
                    self.log.record(ResourceRemoved, scenario=self.scenario, kind=entry.kind, id=entry.id)
            else:
                left.append(f"{entry.kind} {entry.id}: {problem}")
        return left

    @staticmethod
    async def _remove(api: PlatformApi, entry: Entry) -> str | None:
        """Why `entry` is still there, or None."""
        deleted = await api.send("DELETE", entry.path)
        if deleted.status not in _GONE:
            return f"DELETE answered {deleted.status}"
        looked = await api.send("GET", entry.path)
        return (
            None
            if looked.status in (404, 410)
            else f"still there after DELETE (GET answered {looked.status})"
        )
