"""RES-01: a burst of requests by one account."""

from __future__ import annotations

import asyncio
from collections import Counter

from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import ME
from pynomaly_itest.registry import PROBES

_LINES, _AHEAD, _PATIENCE_S = 4, 25, 20.0


@PROBES.register("RES-01")
class NoRateLimit(Probe):
    id = "RES-01"
    title = "One account can not take the service for itself"
    cwe = 770
    references = ("API4:2023", "ASVS 5.0.0 V2.4.1", "WSTG-BUSL-05")
    severity = Severity.MEDIUM
    impact = Impact.DISRUPTS
    sends = ("GET auth/me",)
    needs = ("admin",)
    expected = "429 within the burst"
    why = "One client in a loop slows everybody down."
    mend = "Give each account a bucket of requests, and answer 429 with Retry-After beyond it."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary()
        token = await canary.token()
        ctx.require_status(await ctx.me(token), (200,), "GET auth/me")
        per_line = -(-ctx.demands.burst_requests // _LINES)
        statuses = Counter[int]()
        for found in await ctx.side_by_side([self._line(ctx, token, per_line) for _ in range(_LINES)]):
            statuses.update(found)
        total = statuses.total()
        ctx.control(statuses[200] > 0, "no request of the burst was answered 200")
        said = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        if statuses[429]:
            return Observation(f"{total} requests at once: {said}", ME)
        ctx.control(
            total >= ctx.demands.burst_requests // 2,
            f"the target answered only {total} requests of the burst",
        )
        return Observation(
            said, ME, (Hole(ME, "no limit", f"{total} requests at once, none throttled: {said}"),)
        )

    @staticmethod
    async def _line(ctx: ProbeContext, token: str, count: int) -> Counter[int]:
        """`count` requests on one connection, written ahead of their answers."""
        ctx.budget.spend(requests=count)
        await ctx.wire.departures.leave(count)
        statuses = Counter[int]()
        connection = await ctx.wire.connect()
        request = connection.head("GET", "/api/v1/auth/me", bearer(token))

        async def write() -> None:
            for _ in range(0, count, _AHEAD):
                connection.writer.write(request * min(_AHEAD, count))
                await connection.writer.drain()

        writing = asyncio.create_task(write())
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while statuses.total() < count and not statuses[429]:
                    status, headers = await connection.read_head()
                    await connection.read_body(headers)
                    statuses[status] += 1
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass  # what was answered until then counts
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await connection.close()
        return statuses
