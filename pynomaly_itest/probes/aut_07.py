"""AUT-07: an API key that may only read data manages credentials."""

from __future__ import annotations

from pynomaly_itest.probing.administering import key_of, with_key
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body


@PROBES.register("AUT-07")
class KeyManagesCredentials(Probe):
    id = "AUT-07"
    title = "An API key manages neither keys nor sessions"
    cwe = 269
    references = ("API2:2023", "ASVS 5.0.0 V7.5.1", "WSTG-ATHZ-03")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = (
        "POST auth/api-keys",
        "GET auth/api-keys",
        "DELETE auth/api-keys/{id}",
        "GET auth/sessions",
        "DELETE auth/sessions/{id}",
        "GET datasets",
    )
    needs = ("admin",)
    expected = "403 for every request that lists, makes or ends keys and sessions"
    why = "A key in a script is lost sooner than a password, and must not outlive itself or end what replaces it."
    mend = "Let credentials be managed in a session that a login opened, and nowhere else."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary("data_scientist")
        tokens = await ctx.new_session(canary)
        key = await key_of(ctx, tokens.access, "data:read")
        listed = await ctx.send("GET", "auth/sessions", headers=bearer(tokens.access))
        sessions = ctx.require_status(listed, (200,), "GET auth/sessions in a session")
        ctx.control(
            isinstance(sessions, list) and bool(sessions) and isinstance(sessions[0], dict),
            "GET auth/sessions gives no list of sessions",
        )
        more = Body(json={"name": ctx.label, "permissions": ["data:read"]})
        holes = []
        for method, path, body in (
            ("GET", "auth/sessions", None),
            ("GET", "auth/api-keys", None),
            ("POST", "auth/api-keys", more),
            ("DELETE", f"auth/sessions/{sessions[0].get('id')}", None),
            ("DELETE", f"auth/api-keys/{key['id']}", None),
        ):
            reply = await with_key(ctx, key, method, path, body)
            if reply.status < 400:
                route = (
                    f"{method} /api/v1/{path if path.count('/') == 1 else path.rpartition('/')[0] + '/{id}'}"
                )
                holes.append(hole(route, "an API key manages credentials", reply))
        return Observation("5 requests that manage credentials, each refused to the key", "", tuple(holes))
