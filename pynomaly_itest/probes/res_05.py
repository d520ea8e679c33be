"""RES-05: counts without an end: pages, rows, trees."""

from __future__ import annotations

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import Wrong, not_refused
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_HUGE = 1_000_000_000
_LISTS = ("datasets", "detectors")
_PARAMETERS = {"isolation_forest": "n_estimators"}


@PROBES.register("RES-05")
class UnboundedNumbers(Probe):
    id = "RES-05"
    title = "Counts in requests are capped"
    cwe = 770
    references = ("API4:2023", "ASVS 5.0.0 V2.2.1", "WSTG-BUSL-09")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("GET datasets", "GET detectors", "POST detectors")
    needs = ("user_a",)
    expected = "4xx for what is beyond the limits"
    why = "One request asks for all there is, or for a model that takes days."
    mend = "Give every count a maximum, in the schema."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await detector_of(ctx, actor, parameters={})
        ctx.require_status(
            await ctx.send("GET", "datasets?limit=1", actor=actor), (200,), "GET datasets?limit=1"
        )
        wrong = []
        for algorithm, parameter in _PARAMETERS.items():
            wanted = {"name": ctx.label, "algorithm_name": algorithm, "parameters": {parameter: _HUGE}}
            name = f"{parameter} of {_HUGE}"
            wrong.append(
                Wrong(name, "POST", "detectors", "POST /api/v1/detectors", Body(json=wanted), {}, "detector")
            )
        holes = await not_refused(ctx, actor, wrong)
        taken = [path for path in _LISTS if await self._takes(ctx, actor, path)]
        if taken and not holes:
            raise CannotMeasure(
                f"a page of {_HUGE} of {taken[0]} was answered 200: whether it was capped can't be seen"
            )
        return Observation(f"{len(wrong) + len(_LISTS)} counts, each refused", "", tuple(holes))

    @staticmethod
    async def _takes(ctx: ProbeContext, actor: Actor, path: str) -> bool:
        """Whether a page of that size is answered as if it were fine."""
        reply = await ctx.send("GET", f"{path}?limit={_HUGE}", actor=actor)
        ctx.control(reply.status < 500, f"GET {path}?limit={_HUGE} answered {reply.status}")
        return reply.status < 400
