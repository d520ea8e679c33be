"""DAT-02: secrets sent in every place, then looked for in the log."""

from __future__ import annotations

import secrets

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_PLACES = (
    "password", "unknown user's password", "bearer token", "API key", "query", "body", "refresh token",
)  # fmt: skip


@PROBES.register("DAT-02")
class SecretsInLog(Probe):
    id = "DAT-02"
    title = "Secrets do not reach the log"
    cwe = 532
    references = ("API8:2023", "ASVS 5.0.0 V16.2.5", "WSTG-CONF-02")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("GET auth/me", "POST auth/refresh", "GET datasets", "POST detectors")
    needs = ("user_a",)
    expected = "none of the planted secrets in the log"
    why = "Logs are read by many, kept for long and sent elsewhere."
    mend = "Log routes and ids, never headers, queries or bodies."

    async def run(self, ctx: ProbeContext) -> Observation:
        before = ctx.target.raw_log()
        if before is None:
            raise NotApplicable("the target's log is not ours to read")
        actor = await ctx.actors.get("user_a")
        planted = {name: f"itestcanary{secrets.token_hex(12)}" for name in _PLACES}
        await ctx.login(actor.username, planted["password"], throttled_ok=True)
        await ctx.login(
            f"nobody-{secrets.token_hex(4)}", planted["unknown user's password"], throttled_ok=True
        )
        await ctx.send("GET", "auth/me", headers=bearer(planted["bearer token"]))
        await ctx.send("GET", "auth/me", headers={"X-API-Key": planted["API key"]})
        listed = await ctx.send("GET", f"datasets?access_token={planted['query']}", actor=actor)
        ctx.require_status(listed, (200, 400, 422), "GET datasets with a query that it does not know")
        await ctx.send("POST", "detectors", actor=actor, body=Body(json={"password": planted["body"]}))
        await ctx.send("POST", "auth/refresh", body=Body(json={"refresh_token": planted["refresh token"]}))
        ctx.require_status(await ctx.login(actor.username, actor.password), (200,), "a right login")
        after = ctx.target.raw_log() or b""
        ctx.control(
            len(after) > len(before), "the log says nothing of these requests: is this the target's log?"
        )
        secret = {**planted, "a right password": actor.password, "a right token": await actor.token()}
        found = [name for name, value in secret.items() if value.encode() in after]
        route = "the target's log"
        holes = [Hole(route, name, f"the {name} that was sent is in the log") for name in found]
        return Observation(
            f"{len(secret)} secrets sent, none in the log's {len(after)} bytes", route, tuple(holes)
        )
