"""Runs one scenario of a profile in this process, against a service that is a function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import TargetInfo, read_log
from pynomaly_itest.lifecycle import ScenarioRun, Services
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.verdicts import Verdict


class _Nowhere(Target):
    """A target of which nothing but its address is known."""

    info = TargetInfo(kind="url", url="http://target")
    credentials = Credentials()

    async def start(self) -> None: ...

    async def close(self) -> None: ...


def run_scenario(
    folder: Path, profile: str, service: Callable[[httpx.Request], Any], timeout_s: float | None = None
) -> tuple[Verdict, list[Any]]:
    """The verdict of the profile's one scenario, and the events that tell of it."""
    file = folder / "profile.yaml"
    file.write_text(profile)
    (scenario,) = load([str(file)], Overrides()).scenarios
    redactor, target = Redactor(), _Nowhere()

    async def go() -> Verdict:
        log = EventLog(folder / "run.jsonl", redactor)
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(service), base_url="http://target"
        ) as client:
            http = Http(client, redactor, "run")
            api = PlatformApi(http, Credentials(), redactor)
            observer = Observer(target, log.now_s, lambda reading: None)
            services = Services(target, http, api, observer, log, cast(Any, None), 0.95, 42, "run")
            try:
                return await ScenarioRun(scenario, services, patience_s=0.2).run(timeout_s)
            finally:
                log.close()

    return asyncio.run(go()), list(read_log(folder / "run.jsonl"))
