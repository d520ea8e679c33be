"""JWT-07: a refresh token where an access token belongs."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import tokens_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-07")
class RefreshAsAccess(Probe):
    id = "JWT-07"
    title = "A refresh token opens no route"
    cwe = 287
    references = ("API2:2023", "ASVS 5.0.0 V9.2.2", "WSTG-SESS-10")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401 for a refresh token as bearer"
    why = "Refresh tokens live long: used as access tokens they undo the short life of the others."
    mend = "Write the use into each token and check it, or sign the two kinds with different keys."

    async def run(self, ctx: ProbeContext) -> Observation:
        tokens = await ctx.new_session(await ctx.actors.get("user_a"))
        if tokens.refresh is None:
            raise NotApplicable("the target gives no refresh tokens")
        return await tokens_refused(ctx, {"a refresh token": tokens.refresh}, valid=tokens.access)
