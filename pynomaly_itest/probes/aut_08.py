"""AUT-08: wrong passwords of somebody else, then the right one from a known device."""

from __future__ import annotations

import json

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.guessing import LOGIN
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_STOPPED = (423, 429)


@PROBES.register("AUT-08")
class LockOutAsWeapon(Probe):
    id = "AUT-08"
    title = "Somebody else's wrong passwords do not lock an account's owner out"
    cwe = 645
    references = ("API2:2023", "ASVS 5.0.0 V6.3.1", "WSTG-ATHN-03")
    severity = Severity.MEDIUM
    impact = Impact.DISRUPTS
    sends = ("POST auth/login",)
    needs = ("admin",)
    expected = (
        "the right password from a known device opens a session while guesses from elsewhere are stopped"
    )
    why = "Five anonymous requests a quarter of an hour keep the only administrator out for good."
    mend = "Slow down by name and source; count a device that has logged in before by itself."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary()
        ctx.budget.spend(lockouts=1)
        first = await ctx.login(canary.username, canary.password)
        given = ctx.require_status(first, (200,), "the canary's login before any guess")
        device = given.get("device_token") if isinstance(given, dict) else None
        if not isinstance(device, str):
            raise NotApplicable(
                "a login gives no device_token, by which a known device would be told from others"
            )
        ctx.target.redactor.learn(device)
        for tries in range(1, ctx.demands.login_failures + 1):
            reply = await ctx.login(canary.username, f"itest-wrong-{tries}", throttled_ok=True)
            if reply.status in _STOPPED:
                break
        ctx.control(reply.status in _STOPPED, f"{tries} wrong passwords were not stopped: see AUT-03")
        form = {"grant_type": "password", "username": canary.username, "password": canary.password}
        known = {**form, "device_token": device}
        last = await ctx.send("POST", "auth/login", body=Body(form=known), throttled_ok=True)
        if last.status == 200:
            ctx.target.redactor.learn(json.loads(last.body).get("access_token"))
        said = f"after {tries} wrong passwords from elsewhere the known device was answered {last.status}"
        if last.status in _STOPPED:
            return Observation(said, LOGIN, (Hole(LOGIN, "lock-out as a weapon", said, last.exchange),))
        ctx.control(last.status == 200, f"a login with a device token was answered {last.status}")
        return Observation(said, LOGIN, (), last.exchange)
