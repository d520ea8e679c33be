"""What a fault's course is given: the target and who speaks to it, the clock, and where to say what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.platform import PlatformApi

Mark: TypeAlias = Callable[[str, float, float, float | None, tuple[str, ...]], None]
Meanwhile: TypeAlias = "Callable[[Stage], Awaitable[dict[str, Any]]]"


class Ledger(Protocol):
    """What was created and has to be removed again."""

    def created(self, kind: str, id: str, path: str) -> None: ...  # noqa: A002 - the field's word


@dataclass(frozen=True)
class Stage:
    """`meanwhile` runs while things break and gives its figures; it never raises for what the fault does to it.

    `begun` is set once that is under way, where it says so.
    """

    target: Target
    http: Http
    api: PlatformApi
    ledger: Ledger
    label: str
    seed: int
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    progress: Callable[[str], None]
    mark: Mark
    meanwhile: Meanwhile | None = None
    begun: asyncio.Event | None = None
