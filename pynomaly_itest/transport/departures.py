"""Who is asked before a request leaves the tool: one place, so that no step can forget to ask."""

from __future__ import annotations

from typing import Protocol


class Departures(Protocol):
    """Permission and pace of what is sent to a target. Called once before each request, whoever sends it."""

    async def leave(self, requests: int = 1) -> None:
        """Return when `requests` more may leave; raises an ItestError where they may not."""
        ...


class Unlimited:
    """Everything may leave at once: a target without limits of its own."""

    async def leave(self, requests: int = 1) -> None:
        """Nothing to wait for."""


UNLIMITED: Departures = Unlimited()
