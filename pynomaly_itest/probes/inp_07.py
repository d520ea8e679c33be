"""INP-07: addresses of this machine and of clouds as the source of data."""

from __future__ import annotations

from pynomaly_itest.probing.callback import listening
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import detector_of, note_created
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_UPLOAD, _CREATE = "POST /api/v1/datasets/upload", "POST /api/v1/detectors"
_FIELDS = ("source_url", "url", "path", "source", "file_url", "callback_url")
_METADATA = "http://169.254.169.254/latest/meta-data/"


@PROBES.register("INP-07")
class SourceByUrl(Probe):
    id = "INP-07"
    title = "The service fetches nothing from addresses that a client names"
    cwe = 918
    references = ("API7:2023", "ASVS 5.0.0 V1.3.6", "WSTG-INPV-19")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("POST datasets/upload", "POST detectors")
    needs = ("user_a",)
    expected = "4xx, and no request to the address"
    why = "Such a service reads what only it can reach: metadata of the cloud, admin pages, other services."
    mend = "Take data in the request; if an address must be, allow listed hosts only, resolved once."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        await detector_of(ctx, actor)
        holes: list[Hole] = []
        async with listening(ctx) as listener:
            for field in _FIELDS:
                for name, url in {"loopback": listener.url(field), "cloud metadata": _METADATA}.items():
                    files = {"name": (None, ctx.label), field: (None, url)}
                    sent = await ctx.send("POST", "datasets/upload", actor=actor, body=Body(files=files))
                    body = {"name": ctx.label, "algorithm_name": "hbos", field: url}
                    made = await ctx.send("POST", "detectors", actor=actor, body=Body(json=body))
                    note_created(ctx, made, "detector", "detectors")
                    for route, reply in ((_UPLOAD, sent), (_CREATE, made)):
                        if reply.status >= 500 or b"ami-id" in reply.body:
                            holes.append(hole(route, f"{name} as {field}", reply))
                    if sent.status < 400:
                        holes.append(hole(_UPLOAD, f"{name} as {field}", sent))
            called = await listener.calls(ctx)
        holes += [
            Hole(_UPLOAD, f"{name} fetched", f"the address given as {name} was fetched")
            for name in sorted(called)
        ]
        return Observation(f"{len(_FIELDS)} fields with addresses, none fetched", _UPLOAD, tuple(holes))
