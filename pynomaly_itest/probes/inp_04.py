"""INP-04: paths in names and ids."""

from __future__ import annotations

import re

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of, upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_UPLOAD = "POST /api/v1/datasets/upload"
_PLACES = {
    "GET /api/v1/datasets/{id}": "/api/v1/datasets/{}",
    "GET /api/v1/datasets/{id}/export": "/api/v1/datasets/{}/export",
}
_PATHS = {
    "an encoded path": "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "a twice encoded path": "..%252f..%252f..%252f..%252fetc%252fpasswd",
    "an absolute path": "%2fetc%2fpasswd",
    "backslashes": "..%5c..%5c..%5cetc%5cpasswd",
    "a NUL": "itest%00.csv",
}
_NAMES = {"a path": "../../itest", "an absolute path": "/tmp/itest", "a NUL": "itest\x00.csv"}  # noqa: S108 - sent, not used
_PASSWD = re.compile(rb"root:[^:\n]*:0:0:")


@PROBES.register("INP-04")
class PathTraversal(Probe):
    id = "INP-04"
    title = "Paths in names and ids lead nowhere"
    cwe = 22
    references = ("API8:2023", "ASVS 5.0.0 V5.3.2", "WSTG-ATHZ-01")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = ("POST datasets/upload", "GET datasets/{id}", "GET datasets/{id}/export")
    needs = ("user_a",)
    expected = "4xx, and never a file that was not uploaded"
    why = "A name that is a path reads or overwrites any file that the service can reach."
    mend = "Store under ids of your own; a name is a label, never a path."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        id_ = await dataset_of(ctx, actor, csv_of(blob(ctx.seed)))
        ctx.require_status(await ctx.send("GET", f"datasets/{id_}", actor=actor), (200,), "GET datasets/{id}")
        headers = await actor.headers()
        holes: list[Hole] = []
        for name, path in _PATHS.items():
            for route, place in _PLACES.items():
                reply = await ctx.wire.ask("GET", place.format(path), {**headers, "Connection": "close"})
                is_closed = reply.status is None and not reply.timed_out  # refused without a word
                is_refused = is_closed or (reply.status is not None and 400 <= reply.status < 500)
                if not is_refused or _PASSWD.search(reply.body):
                    said = f"{name}: answered {reply.status or 'nothing in time'}"
                    holes.append(Hole(route, name, said, reply.exchange))
        for name, text in _NAMES.items():
            sent = await upload(ctx, actor, b"a,b\n1,2\n2,3\n", fields={"name": text})
            if sent.status >= 500 or (sent.status < 400 and text in str(sent.json().get("name"))):
                holes.append(hole(_UPLOAD, f"{name} as a name", sent))
        return Observation(
            f"{len(_PATHS) * len(_PLACES) + len(_NAMES)} paths, each refused", "", tuple(holes)
        )
