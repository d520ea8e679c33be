"""What an admin does with an account of ours, as controls: changing it, and seeing that it was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.target.http import Body, Reply

if TYPE_CHECKING:
    from pynomaly_itest.probing.actors import Actor
    from pynomaly_itest.probing.context import ProbeContext

NOT_THERE = (404, 405, 501)


async def account_of(ctx: ProbeContext, canary: Actor) -> dict[str, Any]:
    """The account as an admin sees it; a control: it must be that account."""
    reply = await ctx.send("GET", f"admin/users/{canary.id}", actor="admin")
    if reply.status in NOT_THERE:
        raise NotApplicable(f"accounts can't be looked at (GET admin/users/{{id}}: {reply.status})")
    found = ctx.require_status(reply, (200,), "GET admin/users/{id}")
    ctx.control(
        isinstance(found, dict) and found.get("username") == canary.username,
        "GET admin/users/{id} does not show the account",
    )
    assert isinstance(found, dict)  # noqa: S101 - the control said so
    return found


async def changed(
    ctx: ProbeContext, canary: Actor, change: dict[str, Any], *, actor: str | Actor = "admin"
) -> Reply:
    """One change of an account; any status is a reply."""
    return await ctx.send("PATCH", f"admin/users/{canary.id}", actor=actor, body=Body(json=change))


async def lowered(ctx: ProbeContext, canary: Actor, level: str) -> None:
    """The account cleared for less; raises NotApplicable where accounts have no clearance."""
    reply = await changed(ctx, canary, {"clearance": level})
    if reply.status in (400, 422, *NOT_THERE):
        raise NotApplicable(f"accounts have no clearance (PATCH admin/users/{{id}}: {reply.status})")
    ctx.require_status(reply, (200, 204), "PATCH admin/users/{id}")
    account = await account_of(ctx, canary)
    if "clearance" not in account:
        raise NotApplicable("accounts have no clearance")
    ctx.control(account["clearance"] == level, "the clearance was not lowered")


async def key_of(ctx: ProbeContext, access: str, *permissions: str) -> dict[str, str]:
    """The id and secret of an API key with these permissions, made in that session, and shown to work."""
    body = Body(json={"name": ctx.label, "permissions": list(permissions)})
    session = {"Authorization": f"Bearer {access}"}
    reply = await ctx.send("POST", "auth/api-keys", headers=session, body=body)
    if reply.status in NOT_THERE:
        raise NotApplicable(f"there are no API keys (POST auth/api-keys: {reply.status})")
    made = ctx.require_status(reply, (200, 201), "POST auth/api-keys")
    ctx.control(
        isinstance(made, dict) and isinstance(made.get("api_key"), str), "POST auth/api-keys gives no api_key"
    )
    assert isinstance(made, dict)  # noqa: S101 - the control said so
    ctx.target.redactor.learn(made["api_key"])
    found = {"id": str(made.get("id")), "secret": made["api_key"]}
    ctx.require_status(await with_key(ctx, found, "GET", "datasets"), (200,), "GET datasets with the key")
    nonsense = await with_key(ctx, {"secret": "itest-nonsense"}, "GET", "datasets")
    ctx.control(nonsense.status in (401, 403), f"a key of nonsense was answered {nonsense.status}")
    return found


async def with_key(
    ctx: ProbeContext, key: dict[str, str], method: str, path: str, body: Body | None = None
) -> Reply:
    """One request that nothing but the key identifies."""
    return await ctx.send(method, path, headers={"X-API-Key": key["secret"]}, body=body or Body())
