"""AUT-06: how long a bad login takes for a known name and for an unknown one."""

from __future__ import annotations

import random
from typing import NamedTuple

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_LOGIN = "POST /api/v1/auth/login"
_PAIRS, _MOST_PAIRS, _RESET_EVERY = 24, 96, 3
_LEVEL_Z = 3.29  # two-sided 0.999


class _Interval(NamedTuple):
    low: float
    high: float


def _interval(differences: list[float]) -> _Interval:
    """Where the median difference lies with 99.9 % confidence, by order statistics (no assumption on the noise)."""
    ranked, n = sorted(differences), len(differences)
    reach = _LEVEL_Z * (n**0.5) / 2
    low = max(0, int(n / 2 - reach))
    return _Interval(ranked[low], ranked[n - 1 - low])


@PROBES.register("AUT-06")
class TellingTime(Probe):
    id = "AUT-06"
    title = "The time of a bad login does not tell whether the name exists"
    cwe = 208
    references = ("API2:2023", "ASVS 5.0.0 V6.3.8", "WSTG-IDNT-04")
    severity = Severity.LOW
    impact = Impact.READS
    needs = ("admin",)
    expected = "no difference that can be measured over the network"
    why = "Who exists can be found out by a stop-watch."
    mend = "Hash a password for unknown names too."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary()
        order = random.Random(ctx.seed)  # noqa: S311 - which of two comes first is no secret
        differences: list[float] = []
        while True:
            for number in range(_PAIRS):
                names = {
                    "known": canary.username,
                    "unknown": f"itest-nobody-{len(differences)}-{order.random():.12f}",
                }
                if number % _RESET_EVERY == 0:  # a right login in between: the canary must not be locked
                    ctx.require_status(
                        await ctx.login(canary.username, canary.password), (200,), "a right login"
                    )
                took = {
                    which: await self._time(ctx, names[which]) for which in order.sample(sorted(names), 2)
                }
                differences.append(took["known"] - took["unknown"])
            low, high = _interval(differences)
            limit = ctx.demands.max_timing_ms
            seen = f"known names take {low:+.1f} to {high:+.1f} ms longer ({len(differences)} pairs)"
            if low > limit or high < -limit:
                return Observation(seen, _LOGIN, (Hole(_LOGIN, "the time tells", seen),))
            if -limit <= low and high <= limit:
                return Observation(seen, _LOGIN)
            if len(differences) >= _MOST_PAIRS:
                raise CannotMeasure(f"{seen}: too noisy to tell a difference of {limit:g} ms")

    @staticmethod
    async def _time(ctx: ProbeContext, username: str) -> float:
        reply = await ctx.login(username, "itest-not-the-password-0", throttled_ok=True)
        if reply.status == 429:
            raise CannotMeasure("the target throttles logins")
        return reply.latency_ms
