"""JWT-06: tokens for another audience, or of another issuer."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import resigned_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-06")
class ForeignToken(Probe):
    id = "JWT-06"
    title = "Tokens for others and of others are refused"
    cwe = 345
    references = ("API2:2023", "ASVS 5.0.0 V9.2.3", "WSTG-SESS-10")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401 for a foreign aud or iss"
    why = "A token that a neighbouring service was given would open this one too."
    mend = "Check iss and aud of every token; require both."

    async def run(self, ctx: ProbeContext) -> Observation:
        return await resigned_refused(
            ctx,
            lambda payload, _: {
                "another audience": {**payload, "aud": "https://itest.invalid/api"},
                "another issuer": {**payload, "iss": "https://itest.invalid"},
            },
        )
