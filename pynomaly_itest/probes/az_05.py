"""AZ-05: the fields of every answer, against a list of those it may have."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import SENT_FOR_MODEL, made_by
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


@PROBES.register("AZ-05")
class TooManyFields(Probe):
    id = "AZ-05"
    title = "Answers have no fields beyond those declared"
    cwe = 213
    references = ("API3:2023", "ASVS 5.0.0 V15.3.1", "WSTG-ATHZ-04")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = (*SENT_FOR_MODEL, "GET admin/users", "GET datasets/{id}")
    needs = (
        "user_a",
        "admin",
    )
    expected = "only fields of the allowlist, and never a hash or a secret"
    why = "What a client filters out for its users, everybody can read on the wire."
    mend = "Build each answer from a type of its own, not from what the database holds."

    async def run(self, ctx: ProbeContext) -> Observation:
        if not ctx.demands.fields:
            raise NotApplicable("the profile declares no fields (demands.fields)")
        model = await made_by(ctx, "user_a")
        ids = {
            "datasets": model.dataset,
            "detectors": model.detector,
            "results": model.result or "",
            "users": model.owner.id or "",
        }
        holes: list[Hole] = []
        seen = 0
        for route, allowed in ctx.demands.fields.items():
            path = route.removeprefix("GET ")
            kind = next((part for part in reversed(path.split("/")) if part in ids), "")
            actor = "admin" if "/admin/" in path or path.endswith("/audit") else "user_a"
            reply = await ctx.send("GET", path.replace("{id}", ids.get(kind, "")), actor=actor)
            answer = ctx.require_status(reply, (200,), route)
            first = answer[0] if isinstance(answer, list) and answer else answer
            ctx.control(
                isinstance(first, dict) and bool(set(first) & set(allowed)), f"{route} has none of its fields"
            )
            seen += len(first)
            holes += [
                Hole(route, f"field {name}", f"the answer has a field {name!r}", reply.exchange)
                for name in sorted(set(first) - set(allowed))
            ]
        return Observation(
            f"{seen} fields of {len(ctx.demands.fields)} answers, all of them declared", "", tuple(holes)
        )
