"""RES-03: JSON nested ten thousand deep."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import JSON_HEADERS, Wrong, not_refused, raw_json
from pynomaly_itest.registry import PROBES

_CREATE = "POST /api/v1/detectors"
_DEPTH = 10_000
_IN = '{"name": "itest", "algorithm_name": "hbos", "parameters": {"deep": ?}}'


@PROBES.register("RES-03")
class NestedJson(Probe):
    id = "RES-03"
    title = "Deeply nested JSON is refused"
    cwe = 674
    references = ("API4:2023", "ASVS 5.0.0 V15.2.2", "WSTG-BUSL-09")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("POST detectors",)
    needs = ("user_a",)
    expected = "4xx, and the service alive"
    why = "A parser that recurses falls over, and takes its process with it."
    mend = "Limit the depth, or parse without recursion."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await detector_of(ctx, actor)
        wrong = [
            Wrong(
                f"{name} nested {_DEPTH} deep in {field}",
                "POST",
                "detectors",
                _CREATE,
                raw_json(text),
                JSON_HEADERS,
                "detector",
            )
            for name, (start, end) in {"lists": ("[", "]"), "objects": ('{"a":', "}")}.items()
            for field, text in {
                "the body": start * _DEPTH + "1" + end * _DEPTH,
                "parameters": _IN.replace("?", start * _DEPTH + "1" + end * _DEPTH),
            }.items()
        ]
        holes = await not_refused(ctx, actor, wrong)
        await detector_of(ctx, actor)
        return Observation(
            f"{len(wrong)} bodies, each refused, and the service goes on", _CREATE, tuple(holes)
        )
