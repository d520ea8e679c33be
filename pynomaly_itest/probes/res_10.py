"""RES-10: metadata of any size, which every list repeats."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of, note_created
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_CREATE, _LIST = "POST /api/v1/detectors", "GET /api/v1/detectors"
_SIZE = 1 << 20
_SMALL = {"itest": "small"}


@PROBES.register("RES-10")
class LargeMetadata(Probe):
    id = "RES-10"
    title = "Free-form metadata has a limit, and so have lists"
    cwe = 770
    references = ("API4:2023", "ASVS 5.0.0 V2.2.1", "WSTG-BUSL-09")
    severity = Severity.MEDIUM
    impact = Impact.DISRUPTS
    sends = ("POST detectors", "GET detectors")
    needs = ("user_a",)
    expected = "4xx for a megabyte of metadata, or a list that does not repeat it"
    why = "A few objects make each list hundreds of megabytes, for everybody who asks for it."
    mend = "Limit metadata to kilobytes, and a page of a list by its size too."

    async def run(self, ctx: ProbeContext) -> Observation:
        owner = await ctx.actors.get("user_a")
        await detector_of(ctx, owner, metadata=_SMALL)
        before = await ctx.send("GET", "detectors?limit=2", actor=owner)
        ctx.require_status(before, (200,), "GET detectors")
        if b'"small"' not in before.body:
            raise NotApplicable("detectors keep no metadata that a list would show")
        large = {"name": ctx.label, "algorithm_name": "hbos", "metadata": {"itest": "x" * _SIZE}}
        made = await ctx.send("POST", "detectors", actor=owner, body=Body(json=large))
        ctx.control(made.status != 429, "the target throttles these requests")
        note_created(ctx, made, "detector", "detectors")
        holes: list[Hole] = []
        if made.status >= 500:
            holes.append(hole(_CREATE, "large metadata", made))
        if made.status < 400:
            listed = await ctx.send("GET", "detectors?limit=2", actor=owner)
            ctx.require_status(listed, (200,), "GET detectors")
            if len(listed.body) >= _SIZE:
                seen = f"{_SIZE >> 10} KiB of metadata were taken, and a list of 2 has {len(listed.body) >> 10} KiB"
                holes.append(Hole(_LIST, "large metadata", seen, listed.exchange))
        return Observation(f"a megabyte of metadata was answered {made.status}", _CREATE, tuple(holes))
