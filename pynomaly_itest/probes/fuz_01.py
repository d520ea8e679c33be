"""FUZ-01: requests generated from the target's own document."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.generation import answered, first_of_each, summary_of
from pynomaly_itest.probing.probe import EACH_OPERATION, Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES


@PROBES.register("FUZ-01")
class GeneratedFailures(Probe):
    id = "FUZ-01"
    title = "No generated request makes the service fail"
    cwe = 755
    references = ("API8:2023", "ASVS 5.0.0 V16.5.1", "WSTG-ERRH-01")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = ("GET /openapi.json", EACH_OPERATION)
    needs = ("admin",)
    expected = "an answer below 500 to each"
    why = "A request that breaks a service is the start of most attacks on it."
    mend = "Validate what comes in by the same schema that the document is made of."

    async def run(self, ctx: ProbeContext) -> Observation:
        answers = await answered(ctx)
        holes: list[Hole] = []
        for each in answers:
            if each.reply is None:
                broken = each.broken
                seen = broken.message if broken else "no answer"
                holes.append(Hole(each.request.route, "no answer", seen, broken.exchange if broken else None))
            elif each.reply.status >= 500 and each.reply.status != 503:
                holes.append(hole(each.request.route, f"status {each.reply.status}", each.reply))
        return Observation(summary_of(answers, "below 500"), "", first_of_each(holes))
