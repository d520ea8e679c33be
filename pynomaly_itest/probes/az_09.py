"""AZ-09: a change of an account of which one part is refused."""

from __future__ import annotations

from pynomaly_itest.probing.administering import account_of, changed
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_ROUTE = "PATCH /api/v1/admin/users/{id}"


@PROBES.register("AZ-09")
class HalfAppliedChange(Probe):
    id = "AZ-09"
    title = "A change that is refused in part changes nothing"
    cwe = 460
    references = ("API3:2023", "ASVS 5.0.0 V2.3.3", "WSTG-BUSL-01")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("PATCH admin/users/{id}", "GET admin/users/{id}")
    needs = ("admin",)
    expected = "4xx, and the account as it was"
    why = "Who is told that a change failed does not look for the half of it that was made."
    mend = "Check all of a change first, then make all of it in one transaction."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary("data_scientist")
        before = await account_of(ctx, canary)
        bad = {"role": "viewer", "password": "short", "disabled": True}
        reply = await changed(ctx, canary, bad)
        ctx.control(400 <= reply.status < 500, f"a change to a weak password was answered {reply.status}")
        after = await account_of(ctx, canary)
        differing = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        if differing:
            seen = f"answered {reply.status}, and yet it changed {', '.join(differing)}"
            return Observation(seen, _ROUTE, (Hole(_ROUTE, "half applied", seen, reply.exchange),))
        ctx.require_status(await changed(ctx, canary, {"role": "viewer"}), (200, 204), "a change of the role")
        ctx.control((await account_of(ctx, canary)).get("role") == "viewer", "a good change is not shown")
        return Observation(f"answered {reply.status}, and nothing changed", _ROUTE, (), reply.exchange)
