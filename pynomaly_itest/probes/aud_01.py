"""AUD-01: each sensitive act, then looked for in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import dataset_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body


async def _events(ctx: ProbeContext, who: str) -> list[dict[str, Any]]:
    """The newest events of an actor; raises NotApplicable where the target has no audit log to ask."""
    reply = await ctx.send("GET", f"audit?actor={who}&limit=1000&newest_first=true", actor="admin")
    if reply.status in (404, 405):
        raise NotApplicable(f"no audit log at GET /api/v1/audit ({reply.status})")
    found = ctx.require_status(reply, (200,), "GET audit")
    ctx.control(isinstance(found, list), "GET audit gives no list of events")
    return [event for event in found if isinstance(event, dict) and "sequence" in event]


async def _id_of(ctx: ProbeContext, actor: Actor) -> str:
    found = ctx.require_status(await ctx.send("GET", "auth/me", actor=actor), (200,), "GET auth/me")
    ctx.control(isinstance(found, dict) and "id" in found, "GET auth/me does not tell the account's id")
    return str(found["id"])


@dataclass
class _Acts:
    """The acts, in an order in which each has what it needs."""

    ctx: ProbeContext
    actor: Actor
    dataset: str = ""
    account: Actor | None = None

    async def log_in(self) -> None:
        await self.ctx.new_session(self.actor)

    async def upload(self) -> None:
        self.dataset = await dataset_of(self.ctx, self.actor, b"a,b\n1,2\n2,3\n")

    async def export(self) -> None:
        reply = await self.ctx.send("GET", f"datasets/{self.dataset}/export", actor=self.actor)
        self.ctx.require_status(reply, (200,), "GET datasets/{id}/export")

    async def delete(self) -> None:
        reply = await self.ctx.send("DELETE", f"datasets/{self.dataset}", actor=self.actor)
        self.ctx.require_status(reply, (200, 204), "DELETE datasets/{id}")

    async def make_account(self) -> None:
        self.account = await self.ctx.actors.canary()

    async def change_account(self) -> None:
        path = f"admin/users/{self.account.id if self.account else ''}"
        reply = await self.ctx.send("PATCH", path, actor="admin", body=Body(json={"disabled": True}))
        self.ctx.require_status(reply, (200, 204), "PATCH admin/users/{id}")


@PROBES.register("AUD-01")
class SilentActs(Probe):
    id = "AUD-01"
    title = "Every sensitive act leaves one event: who, what, when"
    cwe = 778
    references = ("ASVS 5.0.0 V16.3.1", "ASVS 5.0.0 V16.3.2")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = (
        "PATCH admin/users/{id}",
        "GET audit",
        "GET auth/me",
        "POST datasets/upload",
        "DELETE datasets/{id}",
        "GET datasets/{id}/export",
    )
    needs = (
        "admin",
        "user_a",
    )
    expected = "one event an act, with its actor, action and time"
    why = "What is not written down can be neither noticed nor proved."
    mend = "Write the event in the same transaction as the act."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        me, admin = await _id_of(ctx, actor), await _id_of(ctx, await ctx.actors.get("admin"))
        acts = _Acts(ctx, actor)
        holes: list[Hole] = []
        total = 0
        for name, who, act in (
            ("a login", me, acts.log_in),
            ("an upload", me, acts.upload),
            ("an export", me, acts.export),
            ("a deletion", me, acts.delete),
            ("a new account", admin, acts.make_account),
            ("a changed account", admin, acts.change_account),
        ):
            before = await _events(ctx, who)
            await act()
            new = [
                event
                for event in await _events(ctx, who)
                if event["sequence"] not in {e["sequence"] for e in before}
            ]
            new = [event for event in new if not str(event.get("action", "")).startswith("audit")]
            total += len(new)
            if len(new) != 1:
                holes.append(Hole("GET /api/v1/audit", name, f"{name} left {len(new)} events"))
            elif not all(new[0].get(part) for part in ("actor", "action", "occurred_at", "outcome")):
                holes.append(
                    Hole(
                        "GET /api/v1/audit",
                        f"{name}: incomplete",
                        f"the event of {name} lacks who, what or when",
                    )
                )
        ctx.control(total > 0, "none of the acts left any event: is this the audit log?")
        return Observation("each of 6 acts left one whole event", "GET /api/v1/audit", tuple(holes))
