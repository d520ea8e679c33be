"""AUD-06: what an admin of another tenant learns of everybody's events."""

from __future__ import annotations

from pynomaly_itest.probing.auditing import AUDIT, events
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


@PROBES.register("AUD-06")
class OthersInTheLog(Probe):
    id = "AUD-06"
    title = "The audit log tells a tenant nothing of how much the others do"
    cwe = 200
    references = ("ASVS 5.0.0 V8.4.1", "ASVS 5.0.0 V16.4.2")
    severity = Severity.LOW
    impact = Impact.CHANGES_OWN
    sends = ("GET audit", "GET audit/verify")
    needs = ("admin", "admin_b")
    expected = "numbers that count the tenant's own events, without gaps"
    why = "The number of a competitor's logins is worth something."
    mend = "Number events within the tenant; show the length of the whole to whoever runs the service."

    async def run(self, ctx: ProbeContext) -> Observation:
        admin = await ctx.actors.get("admin_b")
        await ctx.new_session(admin)
        for _ in range(3):
            await ctx.actors.canary()  # acts of the first tenant
        await ctx.new_session(admin)
        own = await events(ctx, "limit=1000", admin)
        ctx.control(len(own) >= 2, "the logins of another tenant's admin left no two events")
        numbers = sorted(int(event["sequence"]) for event in own)
        holes = []
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            seen = f"{len(own)} events of one tenant are numbered {numbers[0]} to {numbers[-1]}"
            holes.append(Hole(AUDIT, "gaps in the numbers", seen))
        checked = await ctx.send("GET", "audit/verify", actor=admin)
        found = ctx.require_status(checked, (200,), "GET audit/verify") if checked.status == 200 else None
        n_told = found.get("n_events") if isinstance(found, dict) else None
        if isinstance(n_told, int) and n_told > len(await events(ctx, "limit=1000", admin)):
            seen = f"a tenant with {len(own)} events is told that there are {n_told}"
            holes.append(Hole("GET /api/v1/audit/verify", "the number of all events", seen, checked.exchange))
        return Observation(f"{len(own)} events, numbered without gaps", AUDIT, tuple(holes))
