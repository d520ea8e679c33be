"""AUT-09: many wrong codes at the confirmation of a second factor."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.administering import NOT_THERE
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_ROUTE = "POST /api/v1/auth/totp/confirm"


@PROBES.register("AUT-09")
class EndlessCodes(Probe):
    id = "AUT-09"
    title = "Guessing codes of a second factor is stopped"
    cwe = 307
    references = ("API2:2023", "ASVS 5.0.0 V6.3.1", "WSTG-ATHN-11")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("POST auth/totp", "POST auth/totp/confirm")
    needs = ("admin",)
    expected = "429 or 423 after a few wrong codes"
    why = "A million codes are few for whoever may try them all."
    mend = "Count wrong codes as wrong passwords are counted, before they are looked at."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary()
        session = bearer((await ctx.new_session(canary)).access)
        prepared = await ctx.send(
            "POST", "auth/totp", headers=session, body=Body(json={"password": canary.password})
        )
        if prepared.status in NOT_THERE:
            raise NotApplicable(f"there is no second factor (POST auth/totp: {prepared.status})")
        made = ctx.require_status(prepared, (200, 201), "POST auth/totp")
        ctx.control(isinstance(made, dict) and "secret" in made, "POST auth/totp gives no secret")
        ctx.target.redactor.learn(str(made["secret"]))
        limit = ctx.demands.login_failures
        for tries in range(1, limit + 1):
            body = Body(json={"code": f"{tries:06d}"})
            reply = await ctx.send("POST", "auth/totp/confirm", headers=session, body=body, throttled_ok=True)
            ctx.control(400 <= reply.status < 500, f"a wrong code was answered {reply.status}")
            if reply.status in (423, 429):
                return Observation(f"stopped after {tries} wrong codes", _ROUTE, (), reply.exchange)
        seen = f"{limit} wrong codes, and the next would be looked at too"
        return Observation(seen, _ROUTE, (hole(_ROUTE, "endless guessing of codes", reply, seen),))
