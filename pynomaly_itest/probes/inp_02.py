"""INP-02: keys that occur twice, and values of a wrong type."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.refusals import JSON_HEADERS, Wrong, not_refused, raw_json
from pynomaly_itest.registry import PROBES

_CREATE = "POST /api/v1/detectors"
_BODIES: dict[str, str | bytes] = {
    "a key twice": '{"name": "itest", "algorithm_name": "hbos", "algorithm_name": "ecod"}',
    "a key twice, once escaped": '{"name": "itest", "algorithm_name": "hbos", "algorithm\\u005fname": "ecod"}',
    "a text for a number": '{"name": "itest", "algorithm_name": "hbos", "contamination_rate": "much"}',
    "an object for a number": '{"name": "itest", "algorithm_name": "hbos", "contamination_rate": {}}',
    "a list for the body": '["hbos"]',
    "a text for the body": '"hbos"',
    "no JSON": '{"name": ',
    "text that is not UTF-8": b'{"name": "\xff", "algorithm_name": "hbos"}',
}


@PROBES.register("INP-02")
class AmbiguousJson(Probe):
    id = "INP-02"
    title = "Ambiguous and wrongly typed JSON is refused"
    cwe = 436
    references = ("API8:2023", "ASVS 5.0.0 V1.5.3", "WSTG-INPV-20")
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = ("POST detectors",)
    needs = ("user_a",)
    expected = "4xx for each, never 500"
    why = "A key that occurs twice means one thing to a gateway and another to the service behind it."
    mend = "Refuse duplicate keys, and check every type before use."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await detector_of(ctx, actor)
        wrong = [
            Wrong(name, "POST", "detectors", _CREATE, raw_json(text), JSON_HEADERS, "detector")
            for name, text in _BODIES.items()
        ]
        holes = await not_refused(ctx, actor, wrong)
        await detector_of(ctx, actor)
        return Observation(f"{len(wrong)} bodies, each refused", _CREATE, tuple(holes))
