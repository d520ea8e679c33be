"""AUD-04: requests that are refused, then looked for in the audit log."""

from __future__ import annotations

import secrets

from pynomaly_itest.probing.auditing import AUDIT, events
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import REFUSED
from pynomaly_itest.registry import PROBES

_TRIES = 3


@PROBES.register("AUD-04")
class SilentRefusals(Probe):
    id = "AUD-04"
    title = "What is refused leaves an event: a bad token, a bad key, a role that may not"
    cwe = 778
    references = ("ASVS 5.0.0 V16.3.2", "ASVS 5.0.0 V16.3.3", "API2:2023")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("GET audit", "GET datasets", "GET admin/users")
    needs = ("admin", "viewer")
    expected = "an event with the outcome of each refusal"
    why = "Whoever looks for a way in is seen by his failures, or not at all."
    mend = "Write refusals down where they are made, bounded by sender so that nobody can fill the log."

    async def run(self, ctx: ProbeContext) -> Observation:
        await events(ctx, "limit=1")
        holes = []
        refused = {
            "a bad token": ("datasets", None, {"Authorization": "Bearer itest.no.token"}),
            "a bad key": ("datasets", None, {"X-API-Key": "itest-no-key"}),
            "a role that may not": ("admin/users", "viewer", {}),
        }
        seen_any = False
        for name, (path, actor, headers) in refused.items():
            for left in reversed(range(_TRIES)):
                marker = f"itest-{secrets.token_hex(8)}"
                reply = await ctx.send("GET", path, actor=actor, headers={**headers, "User-Agent": marker})
                ctx.control(reply.status in REFUSED, f"{name} was answered {reply.status}")
                newest = await events(ctx, "limit=200&newest_first=true")
                found = [event for event in newest if event.get("user_agent") == marker]
                if found or not left:
                    break
                await ctx.sleep(1.1)  # a log may take only so many refusals of one sender at once
            seen_any |= bool(found)
            if not any(event.get("outcome") not in (None, "success") for event in found):
                holes.append(Hole(AUDIT, f"{name}: no event", f"{name} was refused and left no event"))
        if not seen_any:
            await self._require_logged_agent(ctx)
        return Observation("3 kinds of refusal, each with its event", AUDIT, tuple(holes))

    @staticmethod
    async def _require_logged_agent(ctx: ProbeContext) -> None:
        """A control: events name who sent the request by its User-Agent at all."""
        marker = f"itest-{secrets.token_hex(8)}"
        actor = await ctx.actors.canary()
        reply = await ctx.login(actor.username, actor.password, headers={"User-Agent": marker})
        ctx.require_status(reply, (200,), "a login")
        newest = await events(ctx, "limit=200&newest_first=true")
        ctx.control(
            any(event.get("user_agent") == marker for event in newest), "events do not tell the User-Agent"
        )
