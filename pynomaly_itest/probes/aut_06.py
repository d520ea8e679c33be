"""AUT-06: how long a bad login takes for a known name and for an unknown one."""

from __future__ import annotations

import random
from typing import NamedTuple

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_LOGIN = "POST /api/v1/auth/login"
_PAIRS, _MOST_PAIRS, _RESET_EVERY = 24, 72, 3
_RESAMPLES, _LEVEL = 2_000, 0.999


class _Interval(NamedTuple):
    low: float
    high: float


def _quartile(times: list[float]) -> float:
    return sorted(times)[len(times) // 4]


def _interval(known: list[float], unknown: list[float], seed: int) -> _Interval:
    """Where the difference of the lower quartiles lies with 99.9 % confidence, by bootstrap.

    Low quantiles tell more than means: what disturbs a request only ever makes it longer (Crosby, Wallach and
    Riedi 2009, Opportunities and limits of remote timing attacks).
    """
    source = random.Random(seed)  # noqa: S311 - resampling
    n = len(known)
    ranked = sorted(
        _quartile(source.choices(known, k=n)) - _quartile(source.choices(unknown, k=n))
        for _ in range(_RESAMPLES)
    )
    cut = int(_RESAMPLES * (1 - _LEVEL) / 2)
    return _Interval(ranked[cut], ranked[-1 - cut])


@PROBES.register("AUT-06")
class TellingTime(Probe):
    id = "AUT-06"
    title = "The time of a bad login does not tell whether the name exists"
    cwe = 208
    references = ("API2:2023", "ASVS 5.0.0 V6.3.8", "WSTG-IDNT-04")
    severity = Severity.LOW
    impact = Impact.READS
    sends = ("POST auth/login",)
    needs = ("admin",)
    expected = "no difference that can be measured over the network"
    why = "Who exists can be found out by a stop-watch."
    mend = "Hash a password for unknown names too."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary()
        order = random.Random(ctx.seed)  # noqa: S311 - which of two comes first is no secret
        times: dict[str, list[float]] = {"known": [], "unknown": []}
        while True:
            for number in range(_PAIRS):
                names = {"known": canary.username, "unknown": f"itest-nobody-{order.random():.15f}"}
                if number % _RESET_EVERY == 0:  # a right login in between: the canary must not be locked
                    right = await ctx.login(canary.username, canary.password)
                    ctx.require_status(right, (200,), "a right login")
                for which in order.sample(sorted(names), 2):
                    times[which].append(await self._time(ctx, names[which]))
            low, high = _interval(times["known"], times["unknown"], ctx.seed)
            pairs = len(times["known"])
            limit = ctx.demands.max_timing_ms
            seen = f"known names take {low:+.1f} to {high:+.1f} ms longer ({pairs} pairs)"
            if low > limit or high < -limit:
                return Observation(seen, _LOGIN, (Hole(_LOGIN, "the time tells", seen),))
            if -limit <= low and high <= limit:
                return Observation(seen, _LOGIN)
            hopeless = (high - low) * (
                pairs / _MOST_PAIRS
            ) ** 0.5 > 2 * limit  # more pairs narrow it by the root
            if hopeless or pairs >= _MOST_PAIRS:
                raise CannotMeasure(f"{seen}: too noisy to tell a difference of {limit:g} ms")

    @staticmethod
    async def _time(ctx: ProbeContext, username: str) -> float:
        reply = await ctx.login(username, "itest-not-the-password-0", throttled_ok=True)
        if reply.status == 429:
            raise CannotMeasure("the target throttles logins")
        return reply.latency_ms
