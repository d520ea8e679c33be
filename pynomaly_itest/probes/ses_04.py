"""SES-04: an API key after its owner's password was changed, and after his account was closed and opened."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.administering import NOT_THERE, changed, key_of, with_key
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.tokens import REFUSED
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_ROUTE = "GET /api/v1/datasets"


@PROBES.register("SES-04")
class KeyOutlivesCredentials(Probe):
    id = "SES-04"
    title = "API keys end with a new password, and with a closed account for good"
    cwe = 613
    references = ("API2:2023", "ASVS 5.0.0 V7.4.3", "WSTG-SESS-06")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("POST auth/api-keys", "POST auth/password", "PATCH admin/users/{id}", "GET datasets")
    needs = ("admin",)
    expected = "401 for the key, also once the account is open again"
    why = "Whoever changes his password after a theft thinks that the thief is out."
    mend = "End the keys in the transaction that changes the password or closes the account."

    async def run(self, ctx: ProbeContext) -> Observation:
        return Observation(
            "keys ended with a new password, and with a closed account",
            _ROUTE,
            (*await self._after_new_password(ctx), *await self._after_closing(ctx)),
        )

    @staticmethod
    async def _after_new_password(ctx: ProbeContext) -> list[Hole]:
        canary = await ctx.actors.canary("data_scientist")
        access = (await ctx.new_session(canary)).access
        key = await key_of(ctx, access, "data:read")
        new = f"{canary.password[::-1]}-Bb2"
        ctx.target.redactor.learn(new)
        body = Body(json={"current_password": canary.password, "new_password": new})
        reply = await ctx.send("POST", "auth/password", headers=bearer(access), body=body)
        if reply.status in NOT_THERE:
            raise NotApplicable(f"passwords can't be changed (POST auth/password: {reply.status})")
        ctx.require_status(reply, (200, 204), "POST auth/password")
        after = await with_key(ctx, key, "GET", "datasets")
        return [] if after.status in REFUSED else [hole(_ROUTE, "a key from before a new password", after)]

    @staticmethod
    async def _after_closing(ctx: ProbeContext) -> list[Hole]:
        canary = await ctx.actors.canary("data_scientist")
        key = await key_of(ctx, (await ctx.new_session(canary)).access, "data:read")
        holes = []
        for is_closed, weakness in ((True, "a key of a closed account"), (False, "a key that came back")):
            reply = await changed(ctx, canary, {"disabled": is_closed})
            ctx.require_status(reply, (200, 204), "PATCH admin/users/{id}")
            after = await with_key(ctx, key, "GET", "datasets")
            if after.status not in REFUSED:
                holes.append(hole(_ROUTE, weakness, after))
        return holes
