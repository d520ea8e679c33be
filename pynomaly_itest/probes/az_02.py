"""AZ-02: the ids of one tenant's objects in the hands of another tenant."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_BY_STRANGER, SENT_FOR_MODEL, made_by, tried_by
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


@PROBES.register("AZ-02")
class OtherTenant(Probe):
    id = "AZ-02"
    title = "One tenant's objects stay closed to another tenant, with every verb"
    cwe = 639
    references = ("API1:2023", "ASVS 5.0.0 V8.4.1", "WSTG-ATHZ-04")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = (*SENT_FOR_MODEL, *SENT_BY_STRANGER)
    needs = (
        "user_a",
        "user_b",
    )
    expected = "403 or 404 for every verb on an object of another tenant"
    why = "The one promise of a service with tenants is that they do not see each other."
    mend = "Put the tenant into every query, from the token and never from the request."

    async def run(self, ctx: ProbeContext) -> Observation:
        return await tried_by(ctx, await made_by(ctx, "user_a"), stranger="user_b")
