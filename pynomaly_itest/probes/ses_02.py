"""SES-02: a session id of our choosing, sent along with the login."""

from __future__ import annotations

import secrets

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.tokens import ME, REFUSED
from pynomaly_itest.registry import PROBES


@PROBES.register("SES-02")
class FixedSession(Probe):
    id = "SES-02"
    title = "A login makes a session of its own"
    cwe = 384
    references = ("API2:2023", "ASVS 5.0.0 V7.2.4", "WSTG-SESS-03")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "a new session id at every login; an id known before opens nothing"
    why = "Whoever plants a session id before the login shares the victim's session after it."
    mend = "Make a new session id at login, and take none from the request."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        ctx.require_status(await ctx.me(await actor.token()), (200,), "GET auth/me with a valid token")
        planted = f"itest{secrets.token_hex(8)}"
        names = dict.fromkeys(("session", "sessionid", "sid", *await self._offered(ctx)))
        ctx.control((await ctx.me("nonsense")).status in REFUSED, "nonsense is let in")
        holes = []
        for name in names:
            cookie = {"Cookie": f"{name}={planted}"}
            before = await ctx.send("GET", "auth/me", headers=cookie)
            ctx.control(
                before.status in REFUSED, f"before the login the planted {name} was answered {before.status}"
            )
            reply = await ctx.login(actor.username, actor.password, headers=cookie)
            ctx.require_status(reply, (200,), "a right login")
            after = await ctx.send("GET", "auth/me", headers=cookie)
            if after.status not in REFUSED:
                holes.append(hole(ME, f"planted {name} cookie", after))
        first, second = await ctx.new_session(actor), await ctx.new_session(actor)
        if first.access == second.access:
            seen = "two logins gave the same token"
            holes.append(Hole("POST /api/v1/auth/login", "the same token again", seen))
        return Observation(f"{len(names)} planted cookies open nothing after a login", ME, tuple(holes))

    @staticmethod
    async def _offered(ctx: ProbeContext) -> list[str]:
        """Names of the cookies that the target sets by itself."""
        reply = await ctx.send("GET", "health")
        header = reply.headers.get("set-cookie", "")
        return [header.partition("=")[0]] if "=" in header else []
