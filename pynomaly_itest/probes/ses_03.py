"""SES-03: a token after its account was demoted, and after it was closed."""

from __future__ import annotations

from typing import Any

from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.objects import note_created
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.tokens import ME, REFUSED
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body, Reply


@PROBES.register("SES-03")
class TokenAfterDemotion(Probe):
    id = "SES-03"
    title = "Demoting or closing an account counts at once"
    cwe = 613
    references = ("API2:2023", "ASVS 5.0.0 V7.4.2", "ASVS 5.0.0 V8.3.2")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("PATCH admin/users/{id}", "GET auth/me", "POST detectors")
    needs = ("admin",)
    expected = "403 for what the new role may not do, 401 once the account is closed"
    why = "Somebody who was dismissed keeps working until his token runs out."
    mend = "Look the account up (or its version) with every token; don't write the role into the token."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary("data_scientist")
        tokens = await ctx.new_session(canary)
        made = await self._make(ctx, tokens.access)
        note_created(ctx, made, "detector", "detectors")
        ctx.require_status(made, (200, 201), "POST detectors before the demotion")
        await self._change(ctx, canary, {"role": "viewer"})
        holes = []
        demoted = await self._make(ctx, tokens.access)
        note_created(ctx, demoted, "detector", "detectors")
        if demoted.status not in REFUSED:
            holes.append(hole("POST /api/v1/detectors", "a demoted account", demoted))
        await self._change(ctx, canary, {"disabled": True})
        closed = await ctx.me(tokens.access)
        if closed.status not in REFUSED:
            holes.append(hole(ME, "a closed account", closed))
        again = await ctx.login(canary.username, canary.password, throttled_ok=True)
        if again.status < 400:
            holes.append(hole("POST /api/v1/auth/login", "login of a closed account", again))
        return Observation("refused after demotion and after closing", ME, tuple(holes), closed.exchange)

    @staticmethod
    async def _make(ctx: ProbeContext, token: str) -> Reply:
        body = Body(json={"name": ctx.label, "algorithm_name": "hbos"})
        return await ctx.send("POST", "detectors", headers=bearer(token), body=body)

    @staticmethod
    async def _change(ctx: ProbeContext, canary: Actor, change: dict[str, Any]) -> None:
        reply = await ctx.send("PATCH", f"admin/users/{canary.id}", actor="admin", body=Body(json=change))
        ctx.require_status(reply, (200, 204), "PATCH admin/users/{id}")
