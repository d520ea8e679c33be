"""What the probe step gives to probes, made without a run around it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from pynomaly_itest.probing.actors import Actors
from pynomaly_itest.probing.context import Budget, ProbeContext
from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.wire import Wire
from pynomaly_itest.target.http import Http

RUN_ID = "0123456789abcdef"


@dataclass
class Entered:
    """A ledger that only remembers."""

    entries: list[str] = field(default_factory=list)

    def created(self, kind: str, id: str, path: str) -> None:  # noqa: A002 - the field's word
        self.entries.append(path)


def context_of(
    target: Any, client: httpx.AsyncClient, demands: Demands, environment: dict[str, str]
) -> ProbeContext:
    """What the probe step makes, without a run around it."""
    limits = demands.budget
    budget = Budget(limits.requests, int(limits.sent_mb * 2**20), limits.lockouts, limits.connections)
    http = Http(client, target.redactor, RUN_ID)
    ledger = Entered()
    return ProbeContext(
        http=http,
        wire=Wire(target.info.url, "127.0.0.1", target.redactor, budget, RUN_ID, target.departures),
        actors=Actors(http, target, ledger, lambda _: ledger, environment, RUN_ID),
        target=target,
        ledger=ledger,
        demands=demands,
        budget=budget,
        clock=time.perf_counter,
        sleep=asyncio.sleep,
        seed=7,
        label="itest probes",
        allow_disruptive=True,
    )
