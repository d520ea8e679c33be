"""A probe against the vulnerable application: served for the test, seen as a target of ours."""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from weak_app import WeakApp
from weak_cases import WATCHED
from weak_context import context_of
from weak_serving import WeakTarget, serving

from pynomaly_itest.probing.demands import Demands
from pynomaly_itest.probing.engine import Finding, examine
from pynomaly_itest.probing.options import ProbeOptions
from pynomaly_itest.registry import PROBES
from pynomaly_itest.transport.client import open_client


@dataclass
class Tried:
    """What a probe said of an application with these holes."""

    folder: Path
    counter: Any = field(default_factory=itertools.count)
    asked: set[str] = field(default_factory=set)
    """Each `METHOD path` that the application was asked for, the last time."""

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
        self.asked = app.asked
        with serving(app) as url:
            target = WeakTarget(url, app)
            target.pid = os.getpid() if probe in WATCHED else None

            async def examined() -> list[Finding]:
                async with open_client(url, 30.0) as client:
                    ctx = context_of(target, client, demands or Demands(), environment)
                    return [one async for one in examine([PROBES[probe]], ctx, options or ProbeOptions())]

            return asyncio.run(examined())


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    return Tried(tmp_path)
