"""INP-11: JSON bodies that are almost JSON: text that is no text, numbers of thousands of digits."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of, note_created
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.refusals import JSON_HEADERS, Wrong, not_refused, raw_json
from pynomaly_itest.registry import PROBES

_CREATE = "POST /api/v1/detectors"
_BODY = b'{"name": "itest", "algorithm_name": "hbos", "contamination_rate": ?}'
_NOT_JSON = {
    "text that is not UTF-8": b'{"name": "\xff\xfe", "algorithm_name": "hbos"}',
    "an overlong encoding": b'{"name": "\xc0\xaf", "algorithm_name": "hbos"}',
    "a number of 10,000 digits": _BODY.replace(b"?", b"1" * 10_000),
    "an exponent of 10,000 digits": _BODY.replace(b"?", b"1e" + b"9" * 10_000),
    "a second value": _BODY.replace(b"?", b"0.1") + b"{}",
    "nothing": b"",
    "a lone quote": b'"',
}
_ODD = {
    "half of a surrogate pair": b'{"name": "\\ud800", "algorithm_name": "hbos"}',
    "half of a surrogate pair in metadata": b'{"algorithm_name": "hbos", "metadata": {"x": "\\udfff"}}',
    "UTF-16": _BODY.replace(b"?", b"0.1").decode().encode("utf-16"),
}
"""What a parser may take, but neither it nor what shows it later may fail on."""


@PROBES.register("INP-11")
class AlmostJson(Probe):
    id = "INP-11"
    title = "Bodies that are almost JSON are refused"
    cwe = 20
    references = ("API8:2023", "ASVS 5.0.0 V1.5.3", "WSTG-ERRH-01")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("POST detectors", "GET detectors")
    needs = ("user_a",)
    expected = "4xx, and lists that go on"
    why = "What the parser raises was not thought of: a 500 at best, a crash of whatever reads it later at worst."
    mend = "Treat every error of the parser, decoding and number conversion included, as a refusal."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await detector_of(ctx, actor)
        ctx.require_status(await ctx.send("GET", "detectors?limit=1", actor=actor), (200,), "GET detectors")
        wrong = [
            Wrong(name, "POST", "detectors", _CREATE, raw_json(body), JSON_HEADERS, "detector")
            for name, body in _NOT_JSON.items()
        ]
        holes = await not_refused(ctx, actor, wrong)
        for name, body in _ODD.items():
            reply = await ctx.send(
                "POST", "detectors", actor=actor, headers=JSON_HEADERS, body=raw_json(body)
            )
            if reply.status >= 500:
                holes.append(hole(_CREATE, name, reply))
            note_created(ctx, reply, "detector", "detectors")
        listed = await ctx.send("GET", "detectors?limit=10", actor=actor)
        if listed.status >= 500:
            holes.append(hole("GET /api/v1/detectors", "what was taken breaks the list", listed))
        return Observation(f"{len(_NOT_JSON) + len(_ODD)} bodies, none failed", _CREATE, tuple(holes))
