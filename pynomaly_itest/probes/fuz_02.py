"""FUZ-02: answers to generated requests, against the target's own document."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.generation import answered, first_of_each, summary_of
from pynomaly_itest.probing.probe import EACH_OPERATION, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES


@PROBES.register("FUZ-02")
class UndocumentedAnswers(Probe):
    id = "FUZ-02"
    title = "Answers have only statuses that the document declares"
    cwe = 1059
    references = ("API9:2023", "ASVS 5.0.0 V4.1.1")
    severity = Severity.LOW
    impact = Impact.CHANGES_OWN
    sends = ("GET /openapi.json", EACH_OPERATION)
    needs = ("admin",)
    expected = "a declared status for each"
    why = "What is not documented is not tested, and surprises every client."
    mend = "Declare every status that a route can answer with, or make the document from the code."

    async def run(self, ctx: ProbeContext) -> Observation:
        answers = await answered(ctx)
        holes = [
            hole(
                each.request.route,
                f"status {each.reply.status}",
                each.reply,
                f"{each.reply.status} is not declared",
            )
            for each in answers
            if each.reply is not None and each.reply.status < 500 and not each.is_documented
        ]
        return Observation(summary_of(answers, "as declared"), "", first_of_each(holes))
