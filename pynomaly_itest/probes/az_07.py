"""AZ-07: an admin who was cleared for less grants himself, or a friend, more."""

from __future__ import annotations

from pynomaly_itest.probing.administering import account_of, changed, lowered
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.objects import note_created
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_ROUTE = "PATCH /api/v1/admin/users/{id}"


@PROBES.register("AZ-07")
class GrantsMoreThanOwn(Probe):
    id = "AZ-07"
    title = "Nobody grants a clearance above his own"
    cwe = 269
    references = ("API5:2023", "ASVS 5.0.0 V8.2.1", "WSTG-ATHZ-03")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = ("PATCH admin/users/{id}", "GET admin/users/{id}", "POST admin/users")
    needs = ("admin",)
    expected = "403 for an admin who raises his own clearance, or makes an account with more"
    why = "A limit that its holder can lift is none."
    mend = "Compare what is granted, permissions and level alike, with what the granter holds."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary("admin")
        await lowered(ctx, canary, "PUBLIC")
        tokens = await ctx.new_session(canary)
        own = await ctx.send("GET", f"admin/users/{canary.id}", headers=bearer(tokens.access))
        ctx.require_status(own, (200,), "GET admin/users/{id} as an admin who is cleared for less")
        holes = []
        for change in ({"clearance": "SECRET"}, {"role": "admin", "clearance": "INTERNAL"}):
            reply = await changed(ctx, canary, change, actor=canary)
            account = await account_of(ctx, canary)
            if account.get("clearance") != "PUBLIC":
                seen = f"an admin cleared for PUBLIC made himself {account.get('clearance')}"
                holes.append(Hole(_ROUTE, f"grants himself {change['clearance']}", seen, reply.exchange))
                break
        tokens = await ctx.new_session(canary)
        wanted = {"username": f"{canary.username[:40]}-friend", "password": f"{canary.password}-x"}
        body = Body(json={**wanted, "role": "admin", "clearance": "SECRET"})
        made = await ctx.send("POST", "admin/users", headers=bearer(tokens.access), body=body)
        note_created(ctx, made, "account", "admin/users")
        if made.status in (200, 201) and not holes:
            holes.append(hole("POST /api/v1/admin/users", "grants a new account more than his own", made))
        return Observation("an admin who is cleared for less can't grant more", _ROUTE, tuple(holes))
