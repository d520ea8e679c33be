"""A probe against the vulnerable application: served for the test, seen as a target of ours."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from weak_app import WeakApp
from weak_serving import WeakTarget, serving

from pynomaly_itest.probing.actors import Actors
from pynomaly_itest.probing.context import Budget, ProbeContext
from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding, examine
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.probing.wire import Wire
from pynomaly_itest.registry import PROBES
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
        wire=Wire(target.info.url, "127.0.0.1", target.redactor, budget, RUN_ID),
        actors=Actors(http, target, ledger, environment, RUN_ID),
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


@dataclass
class Tried:
    """What a probe said of an application with these holes."""

    folder: Path
    counter: Any = field(default_factory=itertools.count)

    def __call__(
        self,
        probe: str,
        *holes: str,
        demands: Demands | None = None,
        asymmetric: bool = False,
        options: ProbeOptions | None = None,
        **environment: str,
    ) -> list[Finding]:
        folder = self.folder / f"app-{next(self.counter)}"
        folder.mkdir()
        app = WeakApp(folder, *holes, asymmetric=asymmetric)
        with serving(app) as url:
            target = WeakTarget(url, app)

            async def examined() -> list[Finding]:
                async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                    ctx = context_of(target, client, demands or Demands(), environment)
                    return [one async for one in examine([PROBES[probe]], ctx, options or ProbeOptions())]

            return asyncio.run(examined())


@pytest.fixture
def tried(tmp_path: Path) -> Callable[..., list[Finding]]:
    return Tried(tmp_path)
