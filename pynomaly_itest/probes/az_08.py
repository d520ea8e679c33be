"""AZ-08: what belongs to the whole service, asked by an admin of another tenant."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.administering import NOT_THERE
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.tokens import REFUSED
from pynomaly_itest.registry import PROBES

_ROTATE = "admin/keys/rotate"


@PROBES.register("AZ-08")
class TenantActsOnService(Probe):
    id = "AZ-08"
    title = "An admin of one tenant does not act on the whole service"
    cwe = 269
    references = ("API5:2023", "ASVS 5.0.0 V8.4.1", "WSTG-ATHZ-03")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("GET admin/users", f"POST {_ROTATE}")
    needs = ("admin", "admin_b")
    expected = "403 for another tenant's admin who changes the service's encryption key"
    why = "Whoever buys one account of the smallest kind would turn the keys of all the others."
    mend = "Give what all tenants share to a role of the service, and to no tenant's."

    async def run(self, ctx: ProbeContext) -> Observation:
        await ctx.actors.get("admin")
        admin = await ctx.actors.get("admin_b")
        ctx.require_status(await ctx.send("GET", "admin/users", actor=admin), (200,), "GET admin/users")
        anonymous = await ctx.send("POST", _ROTATE)
        if anonymous.status in NOT_THERE:
            raise NotApplicable(f"the encryption key can't be changed over HTTP ({anonymous.status})")
        ctx.control(anonymous.status in REFUSED, f"POST {_ROTATE} without credentials: {anonymous.status}")
        reply = await ctx.send("POST", _ROTATE, actor=admin)
        if reply.status in NOT_THERE:
            return Observation(f"not there for another tenant's admin ({reply.status})", _ROTATE)
        if reply.status in REFUSED:
            return Observation(
                f"another tenant's admin is refused ({reply.status})", _ROTATE, (), reply.exchange
            )
        where = f"POST /api/v1/{_ROTATE}"
        return Observation(
            "", where, (hole(where, "another tenant's admin changes the service's key", reply),)
        )
