"""AZ-04: fields in a body that are not the caller's to set."""

from __future__ import annotations

import json
from typing import Any

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of, note_created, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body, Reply

_PLANTED: dict[str, Any] = {
    "owner_id": "itest-planted-owner",
    "tenant_id": "itest-planted-tenant",
    "role": "itest-planted-admin",
    "is_admin": "itest-planted-yes",
    "id": "itest-planted-id",
}


def _planted(route: str, name: str, value: Any, reply: Reply) -> list[Hole]:
    """A hole where the reply has the planted value at its top level, or is an error of the server."""
    if reply.status >= 500:
        return [hole(route, f"{name}: error", reply)]
    try:
        made = json.loads(reply.body)
    except ValueError:
        return []
    if reply.status < 400 and isinstance(made, dict) and made.get(name) == value:
        return [hole(route, name, reply, f"{name} could be set to a value of our own")]
    return []


@PROBES.register("AZ-04")
class MassAssignment(Probe):
    id = "AZ-04"
    title = "Role, owner and tenant in a body are refused or without effect"
    cwe = 915
    references = ("API3:2023", "ASVS 5.0.0 V15.3.3", "WSTG-INPV-20")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = (
        "PATCH admin/users/{id}",
        "GET auth/me",
        "POST datasets/upload",
        "POST detectors",
        "PATCH detectors/{id}",
    )
    needs = ("user_a",)
    expected = "422, or an object without the planted values"
    why = "A field that is copied without being looked at makes its sender an admin, or the owner of everything."
    mend = "List the fields that each request may have, and refuse the others."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        own = await detector_of(ctx, actor)
        holes: list[Hole] = []
        for name, value in _PLANTED.items():
            body = {"name": ctx.label, "algorithm_name": "hbos", name: value}
            made = await ctx.send("POST", "detectors", actor=actor, body=Body(json=body))
            note_created(ctx, made, "detector", "detectors")
            holes += _planted("POST /api/v1/detectors", name, value, made)
            changed = await ctx.send("PATCH", f"detectors/{own}", actor=actor, body=Body(json={name: value}))
            holes += _planted("PATCH /api/v1/detectors/{id}", name, value, changed)
            sent = await upload(ctx, actor, b"a,b\n1,2\n2,3\n", fields={name: str(value)})
            holes += _planted("POST /api/v1/datasets/upload", name, value, sent)
        me = await ctx.send("GET", "auth/me", actor=actor)
        account = ctx.require_status(me, (200,), "GET auth/me")
        raised = await ctx.send(
            "PATCH", f"admin/users/{account['id']}", actor=actor, body=Body(json={"role": "admin"})
        )
        if raised.status < 400:
            holes.append(hole("PATCH /api/v1/admin/users/{id}", "one's own role", raised))
        return Observation(
            f"{len(_PLANTED)} planted fields refused or without effect", "", tuple(holes), me.exchange
        )
