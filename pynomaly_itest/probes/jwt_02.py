"""JWT-02: a token whose payload was edited under its old signature."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import encoded, taken_apart, tokens_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-02")
class EditedPayload(Probe):
    id = "JWT-02"
    title = "Tokens with an edited payload are refused"
    cwe = 347
    references = ("API2:2023", "ASVS 5.0.0 V9.1.1", "WSTG-SESS-10")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401: the signature is no longer that of the payload"
    why = "Whoever has any token can make it one of another account or role."
    mend = "Verify the signature before anything in the payload is read."

    async def run(self, ctx: ProbeContext) -> Observation:
        jwt = taken_apart(await (await ctx.actors.get("user_a")).token())
        edits = {
            "a later exp": {**jwt.payload, "exp": int(jwt.payload.get("exp", 0)) + 3600},
            "role admin": {**jwt.payload, "role": "admin", "is_admin": True},
            "a new jti": {**jwt.payload, "jti": "itest"},
        }
        return await tokens_refused(
            ctx, {name: f"{jwt.head}.{encoded(payload)}.{jwt.signature}" for name, payload in edits.items()}
        )
