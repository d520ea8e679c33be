"""JWT-05: tokens past their end, and before their beginning."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import resigned_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-05")
class StaleToken(Probe):
    id = "JWT-05"
    title = "Expired tokens and those not yet valid are refused"
    cwe = 613
    references = ("API2:2023", "ASVS 5.0.0 V9.2.1", "WSTG-SESS-10")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401 for exp in the past and nbf in the future"
    why = "A token that never ends is a password that nobody can change."
    mend = "Check exp and nbf of every token; require both."

    async def run(self, ctx: ProbeContext) -> Observation:
        return await resigned_refused(
            ctx,
            lambda payload, now: {
                "expired an hour ago": {**payload, "iat": now - 7200, "nbf": now - 7200, "exp": now - 3600},
                "valid from tomorrow on": {**payload, "nbf": now + 86_400, "exp": now + 90_000},
            },
        )
