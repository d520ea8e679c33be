"""AUT-04: bad logins that each claim to come from elsewhere."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.guessing import LOGIN, guess
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES


@PROBES.register("AUT-04")
class LimitByHeader(Probe):
    id = "AUT-04"
    title = "A rotated X-Forwarded-For does not evade the login limit"
    cwe = 348
    references = ("API4:2023", "ASVS 5.0.0 V4.1.3", "WSTG-ATHN-03")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("POST auth/login",)
    needs = ("admin",)
    expected = "the limit holds whatever address the client claims"
    why = "A limit by an address that the client writes himself is no limit."
    mend = "Believe X-Forwarded-For only from proxies of your own, and limit by the name as well."

    async def run(self, ctx: ProbeContext) -> Observation:
        plain = await guess(ctx, await ctx.actors.canary())
        ctx.control(plain.is_stopped, "there is no login limit to evade (AUT-03)")
        rotated = await guess(ctx, await ctx.actors.canary(), rotating=True)
        if rotated.is_stopped:
            return Observation(
                f"with rotated addresses too: {rotated.said}", LOGIN, (), rotated.last.exchange
            )
        seen = f"with rotated addresses: {rotated.said}"
        return Observation(seen, LOGIN, (hole(LOGIN, "limit evaded by X-Forwarded-For", rotated.last, seen),))
