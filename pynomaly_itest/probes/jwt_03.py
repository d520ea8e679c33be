"""JWT-03: a token whose signature was cut off."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import taken_apart, tokens_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-03")
class EmptySignature(Probe):
    id = "JWT-03"
    title = "Tokens without a signature are refused"
    cwe = 347
    references = ("API2:2023", "ASVS 5.0.0 V9.1.1", "WSTG-SESS-10")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401 for a token whose signature is empty or missing"
    why = "Some libraries take an empty signature for one that need not be checked."
    mend = "Verify the signature of every token with the algorithm that the service itself signs with."

    async def run(self, ctx: ProbeContext) -> Observation:
        jwt = taken_apart(await (await ctx.actors.get("user_a")).token())
        forged = {
            "an empty signature": f"{jwt.head}.{jwt.body}.",
            "no third part": f"{jwt.head}.{jwt.body}",
            "a signature of one letter": f"{jwt.head}.{jwt.body}.A",
        }
        return await tokens_refused(ctx, forged)
