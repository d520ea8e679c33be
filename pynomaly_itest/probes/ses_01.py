"""SES-01: a token after its owner logged out."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import ME, REFUSED
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body


@PROBES.register("SES-01")
class TokenAfterLogout(Probe):
    id = "SES-01"
    title = "Logging out ends the session's tokens"
    cwe = 613
    references = ("API2:2023", "ASVS 5.0.0 V7.4.1", "WSTG-SESS-06")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("POST auth/logout", "GET auth/me", "POST auth/refresh")
    needs = ("user_a",)
    expected = "401 for the access and the refresh token after logout"
    why = "A token that was stolen stays useful after its owner did the one thing that should stop it."
    mend = "Keep sessions on the server and look each token's session up, or keep a list of revoked tokens."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        tokens, other = await ctx.new_session(actor), await ctx.new_session(actor)
        ctx.require_status(await ctx.me(tokens.access), (200,), "GET auth/me before logout")
        left = await ctx.send("POST", "auth/logout", headers=bearer(tokens.access))
        ctx.require_status(left, (200, 202, 204), "POST auth/logout")
        after = await ctx.me(tokens.access)
        holes = []
        if after.status not in REFUSED:
            holes.append(Hole(ME, "access token", f"after logout it answered {after.status}", after.exchange))
        if tokens.refresh is not None:
            again = await ctx.send("POST", "auth/refresh", body=Body(json={"refresh_token": tokens.refresh}))
            if again.status < 400:
                seen = f"after logout the refresh token gave new tokens ({again.status})"
                holes.append(Hole("POST /api/v1/auth/refresh", "refresh token", seen, again.exchange))
        ctx.require_status(await ctx.me(other.access), (200,), "GET auth/me in the user's other session")
        return Observation("both tokens refused after logout", ME, tuple(holes), after.exchange)
