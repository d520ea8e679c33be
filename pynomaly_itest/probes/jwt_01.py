"""JWT-01: a token that says it needs no signature."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import encoded, taken_apart, tokens_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-01")
class AlgorithmNone(Probe):
    id = "JWT-01"
    title = "Unsigned tokens (alg none) are refused"
    cwe = 347
    references = ("API2:2023", "ASVS 5.0.0 V9.1.2", "WSTG-SESS-10")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401 for alg none in every spelling"
    why = "Anybody can write such a token, for any account: there is no signature to forge."
    mend = "Verify with a fixed list of algorithms, and never take the algorithm from the token's header."

    async def run(self, ctx: ProbeContext) -> Observation:
        jwt = taken_apart(await (await ctx.actors.get("user_a")).token())
        forged = {}
        for spelling in ("none", "None", "NONE", "nOnE"):
            head = encoded({**jwt.header, "alg": spelling})
            forged[f"alg {spelling}"] = f"{head}.{jwt.body}."
            forged[f"alg {spelling}, old signature"] = f"{head}.{jwt.body}.{jwt.signature}"
        return await tokens_refused(ctx, forged)
