"""What all scenarios of a run share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pynomaly_itest.adapters.base import Adapter
from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer
from pynomaly_itest.target.platform import PlatformApi


@dataclass(frozen=True)
class Services:
    """The target with its clients and observer, the log, and how to judge. `shared` is for what is found out once."""

    target: Target
    http: Http
    api: PlatformApi
    observer: Observer
    log: EventLog
    dataset: Callable[[str], Awaitable[Dataset]]
    confidence: float
    seed: int
    run_id: str
    min_samples: int = 1
    accounts: Accounts | None = None
    probing: ProbeOptions = field(default_factory=ProbeOptions)
    shared: dict[str, Any] = field(default_factory=dict)
    adapter: Adapter | None = None
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
