"""INP-09: template expressions as names."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of, note_created
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_RESULT = "1787569"
_EXPRESSIONS = ("{{1337*1337}}", "${1337*1337}", "<%= 1337*1337 %>", "#{1337*1337}", "{1337*1337}")


@PROBES.register("INP-09")
class TemplateInName(Probe):
    id = "INP-09"
    title = "Template expressions in names stay text"
    cwe = 1336
    references = ("API8:2023", "ASVS 5.0.0 V1.3.7", "WSTG-INPV-18")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("POST detectors", "GET detectors/{id}")
    needs = ("user_a",)
    expected = "the name as it was sent, or 4xx"
    why = "An expression that is evaluated runs code of its author in the service."
    mend = "Never build templates from what clients send."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        plain = await detector_of(ctx, actor, name="itest plain")
        shown = ctx.require_status(
            await ctx.send("GET", f"detectors/{plain}", actor=actor), (200,), "GET detectors/{id}"
        )
        ctx.control(
            isinstance(shown, dict) and shown.get("name") == "itest plain", "a name does not come back"
        )
        holes: list[Hole] = []
        for text in _EXPRESSIONS:
            body = {"name": f"itest {text}", "algorithm_name": "hbos"}
            made = await ctx.send("POST", "detectors", actor=actor, body=Body(json=body))
            id_ = note_created(ctx, made, "detector", "detectors")
            replies = (
                [made] if id_ is None else [made, await ctx.send("GET", f"detectors/{id_}", actor=actor)]
            )
            for reply in replies:
                if reply.status >= 500 or _RESULT.encode() in reply.body:
                    holes.append(
                        hole("POST /api/v1/detectors", f"{text.strip('0123456789*')} evaluated", reply)
                    )
                    break
        return Observation(
            f"{len(_EXPRESSIONS)} expressions came back as text", "POST /api/v1/detectors", tuple(holes)
        )
