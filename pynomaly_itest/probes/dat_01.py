"""DAT-01: what caches may keep of an answer to somebody."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_PATHS = ("auth/me", "datasets", "detectors")


@PROBES.register("DAT-01")
class CachedAnswers(Probe):
    id = "DAT-01"
    title = "Answers to somebody are not to be stored"
    cwe = 525
    references = ("API8:2023", "ASVS 5.0.0 V14.3.2", "WSTG-ATHN-06")
    severity = Severity.LOW
    impact = Impact.READS
    sends = ("GET auth/me", "GET datasets", "GET detectors")
    needs = ("user_a",)
    expected = "Cache-Control: no-store"
    why = "A shared cache would hand one user what it kept of another."
    mend = "Send no-store with everything that needed credentials."

    async def run(self, ctx: ProbeContext) -> Observation:
        holes: list[Hole] = []
        for path in _PATHS:
            reply = await ctx.send("GET", path, actor="user_a")
            ctx.require_status(reply, (200,), f"GET {path}")
            if "no-store" not in reply.headers.get("cache-control", "").lower():
                holes.append(
                    hole(f"GET /api/v1/{path}", "no no-store", reply, "Cache-Control lacks no-store")
                )
        return Observation(f"{len(_PATHS)} answers say no-store", "", tuple(holes))
