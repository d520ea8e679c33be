"""AUT-03: many bad logins with one name, a canary account of ours."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.guessing import LOGIN, guess
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES


@PROBES.register("AUT-03")
class EndlessGuessing(Probe):
    id = "AUT-03"
    title = "Guessing passwords of one account is stopped"
    cwe = 307
    references = ("API2:2023", "ASVS 5.0.0 V6.3.1", "WSTG-ATHN-03")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("POST auth/login",)
    needs = ("admin",)
    expected = "429 or a locked account after a few bad logins"
    why = "Without a limit every password falls to patience."
    mend = "Count failures a name, before the password is looked at, and lock for a while."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary()
        guesses = await guess(ctx, canary)
        if guesses.is_stopped:
            return Observation(guesses.said, LOGIN, (), guesses.last.exchange)
        return Observation(
            guesses.said, LOGIN, (hole(LOGIN, "endless guessing", guesses.last, guesses.said),)
        )
