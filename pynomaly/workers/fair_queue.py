"""Jobs that wait, shared fairly: nobody fills the queue, and whoever has least of the workers goes first."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Generic, Protocol, TypeVar

from pynomaly.domain.errors import Overloaded, RateLimited

_RETRY_AFTER_S = 5


class Owned(Protocol):
    """What can wait here."""

    @property
    def owner_id(self) -> str: ...
    @property
    def tenant_id(self) -> str: ...


T = TypeVar("T", bound=Owned)


@dataclass(frozen=True, slots=True)
class Shares:
    """Which part of the queue one account, and one tenant, may fill: 0 to 1; one place at least."""

    account: float = 0.25
    tenant: float = 0.5


class FairQueue(Generic[T]):
    """At most `max_waiting` items. The next one is of the tenant that has least running and, among equals, was
    served longest ago; within it of the account of which the same is true; and of these the oldest.
    """

    def __init__(self, max_waiting: int, shares: Shares) -> None:
        self._max_waiting = max_waiting
        self._of_account = max(1, int(max_waiting * shares.account))
        self._of_tenant = max(1, int(max_waiting * shares.tenant))
        self._waiting: list[T] = []
        self._running: Counter[tuple[str, str]] = Counter()
        self._served: dict[tuple[str, str], int] = {}
        self._turns = count(1)
        self._is_closed = False
        self._changed = threading.Condition()

    def require_room(self, item: T) -> None:
        """Raises RateLimited where the queue, or the owner's or the tenant's share of it, is full; Overloaded
        once it is closed.
        """
        with self._changed:
            if self._is_closed:
                raise Overloaded("The server is shutting down.", retry_after_s=10)
            n_own = sum(other.owner_id == item.owner_id for other in self._waiting)
            n_tenant = sum(other.tenant_id == item.tenant_id for other in self._waiting)
            full = None
            if len(self._waiting) >= self._max_waiting:
                full = f"{self._max_waiting} operations are waiting already."
            elif n_own >= self._of_account:
                full = f"{n_own} operations of yours are waiting already."
            elif n_tenant >= self._of_tenant:
                full = f"{n_tenant} operations of your tenant are waiting already."
            if full is not None:
                raise RateLimited(full, retry_after_s=_RETRY_AFTER_S)

    def put(self, item: T) -> None:
        """Add one, for which there must be room."""
        with self._changed:
            self._waiting.append(item)
            self._changed.notify()

    @property
    def is_closed(self) -> bool:
        """Whether nothing comes out of it any more."""
        return self._is_closed

    def get(self, timeout_s: float | None = None) -> T | None:
        """The next one, waited for; None where none came in time, or the queue is closed. It counts as running
        until `done`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed, timeout_s)
            if not self._waiting:
                return None
            item = min(self._waiting, key=self._turn_of)
            self._waiting.remove(item)
            turn = next(self._turns)
            for key in _keys(item):
                self._running[key] += 1
                self._served[key] = turn
            return item

    def done(self, item: T) -> None:
        """It no longer runs."""
        with self._changed:
            for key in _keys(item):
                self._running[key] -= 1
            waiting = {key for other in self._waiting for key in _keys(other)}
            for key in [key for key in self._served if not self._running[key] and key not in waiting]:
                del self._served[key], self._running[key]  # who is gone for now begins anew

    def close(self) -> None:
        """Give nobody anything any more."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._waiting)

    def _turn_of(self, item: T) -> tuple[int, ...]:
        return tuple(part for key in _keys(item) for part in (self._running[key], self._served.get(key, 0)))


def _keys(item: Owned) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("tenant", item.tenant_id), ("account", item.owner_id)
