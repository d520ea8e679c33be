"""CFG-05: errors that are forced in every way."""

from __future__ import annotations

import re

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import note_created
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES
from pynomaly_itest.target.http import Body

_TELLING = re.compile(
    rb'Traceback \(most recent|File \\?"[^"]+", line \d+|site-packages|/usr/(?:local/)?lib/|/home/\w+/'
    rb"|sqlalchemy\.|sqlite3?\.\w+Error|psycopg|SQLSTATE|SELECT .+ FROM "
    rb"|\bat [\w.$]+\(\w+\.java:\d+\)|0x[0-9a-f]{8,}"
)
_FORCED = {
    "no JSON": ("POST", "detectors", '{"name": '),
    "a wrong type": (
        "POST",
        "detectors",
        '{"name": "x", "algorithm_name": "hbos", "contamination_rate": "itest"}',
    ),
    "a list": ("POST", "detection/predict", "[1, 2, 3]"),
    "a null": ("POST", "detection/train", "null"),
    "a huge number": (
        "POST",
        "detectors",
        '{"name": "x", "algorithm_name": "hbos", "contamination_rate": 1e999}',
    ),
    "a lone surrogate": ("POST", "detectors", '{"name": "\\ud800", "algorithm_name": "hbos"}'),
    "bad percent encoding": ("GET", "datasets/%ff%fe%zz", ""),
    "a bad query": ("GET", "datasets?limit=itest&offset=-1", ""),
    "a long id": ("GET", "datasets/" + "x" * 3000, ""),
    "an unknown algorithm": ("POST", "detectors", '{"name": "x", "algorithm_name": "__import__(\'os\')"}'),
}

_BEFORE_THE_SERVICE = frozenset({401, 403, 404, 405, 429, 502, 503, 504})
"""Statuses that say nothing of how the service deals with a bad request: it need not have seen it."""


@PROBES.register("CFG-05")
class TellingErrors(Probe):
    id = "CFG-05"
    title = "Errors tell nothing of how the service is built"
    cwe = 209
    references = ("API8:2023", "ASVS 5.0.0 V16.5.1", "WSTG-ERRH-01", "WSTG-ERRH-02")
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = (
        "GET datasets",
        "GET datasets/{id}",
        "POST detection/predict",
        "POST detection/train",
        "POST detectors",
    )
    needs = ("user_a",)
    expected = "errors without traces, SQL, paths or versions"
    why = "A trace shows an attacker the code, its libraries and its paths."
    mend = "Catch everything in the outermost layer; log the trace, answer with an id."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        ctx.control(
            bool(_TELLING.search(b'File "/app/x.py", line 3, in run')), "a trace would not be recognised"
        )
        holes: list[Hole] = []
        errors = 0
        for name, (method, path, text) in _FORCED.items():
            body = Body(content=text.encode()) if text else Body()
            headers = {"Content-Type": "application/json"} if text else {}
            reply = await ctx.send(method, path, actor=actor, headers=headers, body=body)
            note_created(ctx, reply, "detector", "detectors")
            errors += reply.status >= 400 and reply.status not in _BEFORE_THE_SERVICE
            if found := _TELLING.search(reply.body[:100_000]):
                route = f"{method} /api/v1/{path.partition('?')[0].partition('%')[0][:40]}"
                told = found[0][:60].decode(errors="replace")
                holes.append(hole(route, "a telling error", reply, f"{name}: the answer tells {told!r}"))
        ctx.control(
            bool(holes) or errors >= len(_FORCED) // 2,
            f"only {errors} of {len(_FORCED)} requests gave an error of the service's own",
        )
        return Observation(f"{errors} forced errors told nothing", "", tuple(holes))
