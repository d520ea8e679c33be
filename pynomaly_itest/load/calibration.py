"""What the generator costs on this machine: measured against a server that does nothing, before it is trusted."""

from __future__ import annotations

import asyncio
import sys

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.load.crew import environment
from pynomaly_itest.load.executors import ConstantArrivalRate, ConstantVus, Executor
from pynomaly_itest.load.plan import Endpoint, LoadPlan
from pynomaly_itest.load.result import Calibration, LoadResult
from pynomaly_itest.load.run import run_load

_EACH_S = 0.5


async def calibrate() -> Calibration:
    """CPU per request and lag of the generator here and now; takes about two seconds.

    Once a run is enough: hand the result to every `run_load`. Raises CannotMeasure if the null server won't start.
    """
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "pynomaly_itest.load.null_server",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        line = b"" if server.stdout is None else await asyncio.wait_for(server.stdout.readline(), 30.0)
        if not line.strip().isdigit():
            raise CannotMeasure("the null server for calibration did not start")
        url = f"http://127.0.0.1:{int(line)}"
        busy = await _load(url, ConstantVus(vus=16, duration_s=_EACH_S))
        paced = await _load(url, ConstantArrivalRate(rate=500, duration_s=_EACH_S))
    finally:
        if server.stdin is not None:
            server.stdin.close()
        await server.wait()
    return Calibration(cost_us=busy.health.cost_us, lag_p99_ms=paced.health.lag_p99_ms)


async def _load(url: str, executor: Executor) -> LoadResult:
    return await run_load(LoadPlan(url=url, endpoints=(Endpoint(),), executor=executor, timeout_s=5.0))
