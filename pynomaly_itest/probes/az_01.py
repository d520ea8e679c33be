"""AZ-01: the ids of one user's objects in the hands of another user of the same role."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_BY_STRANGER, SENT_FOR_MODEL, made_by, tried_by
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


@PROBES.register("AZ-01")
class ObjectsOfOthers(Probe):
    id = "AZ-01"
    title = "One user's objects stay closed to another user of the same role, with every verb"
    cwe = 639
    references = ("API1:2023", "ASVS 5.0.0 V8.2.2", "WSTG-ATHZ-04")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = (*SENT_FOR_MODEL, *SENT_BY_STRANGER)
    needs = ("user_a", "peer")
    expected = "403 or 404 for every verb on an object of somebody else"
    why = "Ids leak into logs, links and tickets: knowing one must not be enough to read, change or delete."
    mend = "Check the caller's right to this very object in the query that fetches it."

    async def run(self, ctx: ProbeContext) -> Observation:
        return await tried_by(ctx, await made_by(ctx, "user_a"), stranger="peer")
