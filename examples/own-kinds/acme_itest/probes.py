"""ACME-01: the service does not tell which software, in which version, it is made of."""

from __future__ import annotations

import re

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_ROUTE = "GET /api/v1/health/live"
_VERSION = re.compile(r"\d+\.\d+")


@PROBES.register("ACME-01")
class Banner(Probe):
    id = "ACME-01"
    title = "No header tells a version"
    cwe = 200
    references = ("WSTG-INFO-02",)
    severity = Severity.LOW
    impact = Impact.READS
    expected = "Server, X-Powered-By and Via without a version, or absent"
    why = "Who knows the version knows its holes."
    mend = "Take the headers away in the outermost proxy."

    async def run(self, ctx: ProbeContext) -> Observation:
        reply = await ctx.send("GET", "health/live")
        ctx.control(reply.status == 200, f"{_ROUTE} answered {reply.status}, not 200")
        holes: list[Hole] = [
            hole(_ROUTE, f"{name} tells a version", reply, f"{name}: {reply.headers[name]}")
            for name in ("server", "x-powered-by", "via")
            if _VERSION.search(reply.headers.get(name, ""))
        ]
        return Observation("no header tells a version", _ROUTE, tuple(holes))
