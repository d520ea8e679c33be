"""Runs a whole profile in this process, on a service at a URL: sockets and all, but no process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pynomaly_itest import runner
from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.events import read_log
from pynomaly_itest.profile.loader import load
from pynomaly_itest.profile.overrides import Overrides
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.run_options import RunOptions
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.remote import RemoteTarget
from pynomaly_itest.transport.tls import SYSTEM, Tls


def run_on(
    url: str,
    folder: Path,
    profile: str,
    *,
    timeout_s: float | None = None,
    jobs: int = 1,
    user: tuple[str, str] | None = None,
    tls: Tls = SYSTEM,
) -> RunResult:
    """The run of this profile on the service at `url`, as its log tells it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "profile.yaml"
    file.write_text(profile)
    plan, redactor = load([str(file)], Overrides()), Redactor()

    async def go() -> None:
        log = EventLog(folder / "run.jsonl", redactor)
        try:
            target = RemoteTarget(url, Credentials(*user) if user else Credentials(), redactor)
            target.tls = tls.over(plan.tls)
            await runner.run(plan, target, log, RunOptions("run", timeout_s=timeout_s, jobs=jobs))
        finally:
            log.close()

    asyncio.run(go())
    return fold(read_log(folder / "run.jsonl"))
