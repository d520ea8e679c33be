"""What the target's audit log says of requests of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import NotApplicable

if TYPE_CHECKING:
    from pynomaly_itest.probing.actors import Actor
    from pynomaly_itest.probing.context import ProbeContext

AUDIT = "GET /api/v1/audit"


async def events(ctx: ProbeContext, query: str, actor: str | Actor = "admin") -> list[dict[str, Any]]:
    """Events that match; raises NotApplicable where the target has no audit log to ask."""
    reply = await ctx.send("GET", f"audit?{query}", actor=actor)
    if reply.status in (404, 405):
        raise NotApplicable(f"no audit log at {AUDIT} ({reply.status})")
    found = ctx.require_status(reply, (200,), "GET audit")
    is_list = isinstance(found, list) and all(
        isinstance(event, dict) and "sequence" in event and "action" in event for event in found
    )
    ctx.control(is_list, "GET audit gives no list of events")
    assert isinstance(found, list)  # noqa: S101 - the control said so
    return found


async def id_of(ctx: ProbeContext, actor: str | Actor) -> str:
    """The account's id, by which events name it; a control."""
    found = ctx.require_status(await ctx.send("GET", "auth/me", actor=actor), (200,), "GET auth/me")
    ctx.control(isinstance(found, dict) and "id" in found, "GET auth/me does not tell the account's id")
    return str(found["id"])
