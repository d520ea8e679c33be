"""AUD-05: an admin reads somebody else's rows, then the audit log is asked for it."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.auditing import AUDIT, events, id_of
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import dataset_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


@PROBES.register("AUD-05")
class SilentReading(Probe):
    id = "AUD-05"
    title = "Reading somebody else's rows leaves an event"
    cwe = 778
    references = ("ASVS 5.0.0 V16.3.1", "API1:2023")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload", "GET datasets/{id}/sample", "GET auth/me", "GET audit")
    needs = ("admin", "user_a")
    expected = "an event that names the admin and the dataset"
    why = "Whoever may look at everything must be seen looking."
    mend = "Write down every reading of contents by who does not own them."

    async def run(self, ctx: ProbeContext) -> Observation:
        owner, admin = await ctx.actors.get("user_a"), await ctx.actors.get("admin")
        dataset = await dataset_of(ctx, owner, b"a,b\n1,2\n2,3\n")
        reader, resource = await id_of(ctx, admin), f"resource=dataset:{dataset}&limit=1000"
        made = await events(ctx, resource)
        ctx.control(bool(made), "the upload left no event that names the dataset: see AUD-01")
        sample = await ctx.send("GET", f"datasets/{dataset}/sample", actor=admin)
        if sample.status in (403, 404):
            raise NotApplicable(f"an admin can't read the rows of others ({sample.status})")
        ctx.require_status(sample, (200,), "GET datasets/{id}/sample")
        found = [event for event in await events(ctx, resource) if str(event.get("actor")) == reader]
        if found:
            return Observation(f"the reading is on record as {found[0]['action']!r}", AUDIT)
        seen = "an admin read rows of somebody else, and no event says so"
        return Observation(seen, AUDIT, (Hole(AUDIT, "silent reading", seen, sample.exchange),))
