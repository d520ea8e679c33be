"""CFG-02: hostile origins, with credentials."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_ORIGINS = ("https://itest.invalid", "null", "http://localhost.itest.invalid")


@PROBES.register("CFG-02")
class ReflectedOrigin(Probe):
    id = "CFG-02"
    title = "No foreign origin is let in with credentials"
    cwe = 942
    references = ("API8:2023", "ASVS 5.0.0 V3.4.2", "WSTG-CLNT-07")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("GET auth/me", "OPTIONS auth/me")
    needs = ("user_a",)
    expected = "no Access-Control-Allow-Origin for a foreign or null origin"
    why = "A page of anybody could then use the service as whoever looks at it."
    mend = "List the origins that may call, exactly; never reflect."

    async def run(self, ctx: ProbeContext) -> Observation:
        plain = await ctx.send("GET", "auth/me", actor="user_a")
        ctx.require_status(plain, (200,), "GET auth/me")
        holes: list[Hole] = []
        for origin in _ORIGINS:
            asked = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
            }
            replies = {
                "GET": await ctx.send("GET", "auth/me", actor="user_a", headers={"Origin": origin}),
                "OPTIONS": await ctx.send("OPTIONS", "auth/me", headers=asked),
            }
            for method, reply in replies.items():
                allowed = reply.headers.get("access-control-allow-origin", "")
                trusts = reply.headers.get("access-control-allow-credentials", "").lower() == "true"
                if allowed == origin or (allowed == "*" and trusts):
                    seen = f"the origin {origin} is let in" + (" with credentials" if trusts else "")
                    holes.append(hole(f"{method} /api/v1/auth/me", f"origin {origin}", reply, seen))
        return Observation(
            f"{len(_ORIGINS)} foreign origins, none let in",
            "GET /api/v1/auth/me",
            tuple(holes),
            plain.exchange,
        )
