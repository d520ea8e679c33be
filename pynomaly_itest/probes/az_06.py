"""AZ-06: what lists show of objects that are above the account's clearance."""

from __future__ import annotations

from pynomaly_itest.probing.administering import lowered
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of, detector_of, note_created, trained
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.tokens import REFUSED
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_LISTS = ("datasets", "detectors", "detection/results", "operations")


@PROBES.register("AZ-06")
class ListsAboveClearance(Probe):
    id = "AZ-06"
    title = "Lists show nothing that is refused by its id"
    cwe = 863
    references = ("API1:2023", "ASVS 5.0.0 V8.2.2", "WSTG-ATHZ-02")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = (
        "POST datasets/upload",
        "POST detectors",
        "POST detection/train",
        "GET operations/{id}",
        "POST detection/detect",
        "PATCH admin/users/{id}",
        "GET admin/users/{id}",
        "GET datasets/{id}",
        *(f"GET {path}" for path in _LISTS),
    )
    needs = ("admin",)
    expected = "what is above a lowered clearance is refused by id and is in no list"
    why = "Names, descriptions and metadata tell what a document is about without its rows."
    mend = "Narrow lists in the store's own query by the same rule as single objects."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary("data_scientist")
        content = csv_of(blob(ctx.seed, far=3))
        dataset = await dataset_of(ctx, canary, content, security_level="CONFIDENTIAL")
        detector = await detector_of(ctx, canary)
        await trained(ctx, canary, detector, dataset)
        pair = Body(json={"detector_id": detector, "dataset_id": dataset})
        reply = await ctx.send("POST", "detection/detect", actor=canary, body=pair)
        note_created(ctx, reply, "result", "detection/results")
        before = await ctx.send("GET", "datasets", actor=canary)
        ctx.require_status(before, (200,), "GET datasets")
        ctx.control(dataset.encode() in before.body, "the list lacks the dataset before the change")
        await lowered(ctx, canary, "PUBLIC")
        tokens = await ctx.new_session(canary)
        direct = await ctx.send("GET", f"datasets/{dataset}", headers=bearer(tokens.access))
        holes = []
        if direct.status not in REFUSED and direct.status != 404:
            holes.append(hole("GET /api/v1/datasets/{id}", "above one's clearance", direct))
        for path in _LISTS:
            listed = await ctx.send("GET", path, headers=bearer(tokens.access))
            if any(id_.encode() in listed.body for id_ in (dataset, detector)):
                seen = f"GET {path} shows what is above the account's clearance"
                holes.append(
                    Hole(f"GET /api/v1/{path}", "listed above one's clearance", seen, listed.exchange)
                )
        return Observation(
            f"refused by id ({direct.status}) and in none of {len(_LISTS)} lists", "", tuple(holes)
        )
