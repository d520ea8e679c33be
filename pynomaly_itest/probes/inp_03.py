"""INP-03: SQL in ids, queries and names, in pairs that should make no difference."""

from __future__ import annotations

import re
from urllib.parse import quote

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import blob, csv_of, dataset_of
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_PLACES = {
    "GET /api/v1/datasets/{id}": "datasets/{}",
    "GET /api/v1/detectors/{id}": "detectors/{}",
    "GET /api/v1/detection/results": "detection/results?detector_id={}",
    "GET /api/v1/datasets": "datasets?limit={}",
}
_DATABASE = re.compile(
    rb"sqlite3?\.|SQLSTATE|psycopg|OperationalError|ProgrammingError|syntax error at"
    rb"|near \"[^\"]*\": syntax|ORA-\d{5}|mysql",
    re.IGNORECASE,
)


def _payloads(id_: str) -> dict[str, str]:
    return {
        "a quote": f"{id_}'",
        "a true condition": f"{id_}' AND '1'='1",
        "a false condition": f"{id_}' AND '1'='2",
        "everything": "x' OR '1'='1",
        "a second statement": f"{id_}'; SELECT 1 -- ",
    }


@PROBES.register("INP-03")
class SqlInjection(Probe):
    id = "INP-03"
    title = "SQL in ids, queries and names has no effect"
    cwe = 89
    references = ("API8:2023", "ASVS 5.0.0 V1.2.4", "WSTG-INPV-05")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = (
        "GET datasets",
        "POST datasets/upload",
        "GET datasets/{id}",
        "GET detection/results",
        "GET detectors/{id}",
    )
    needs = ("user_a",)
    expected = "the same refusal for a true and a false condition, and no message of a database"
    why = "Whoever speaks to the database reads and changes everything in it."
    mend = "Bind values; never write them into the text of a query."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        id_ = await dataset_of(ctx, actor, csv_of(blob(ctx.seed)))
        ctx.require_status(await ctx.send("GET", f"datasets/{id_}", actor=actor), (200,), "GET datasets/{id}")
        nothing = await ctx.send("GET", "datasets/itest-no-such-object", actor=actor)
        ctx.control(nothing.status in (400, 404, 422), f"an id that nobody has was answered {nothing.status}")
        holes: list[Hole] = []
        for route, path in _PLACES.items():
            answers = {}
            for name, text in _payloads(id_).items():
                reply = await ctx.send("GET", path.format(quote(text, safe="")), actor=actor)
                answers[name] = reply
                if _DATABASE.search(reply.body) or reply.status >= 500:
                    holes.append(hole(route, f"error on {name}", reply))
            true, false = answers["a true condition"], answers["a false condition"]
            if true.status != false.status:
                seen = f"a true condition was answered {true.status}, a false one {false.status}"
                holes.append(hole(route, "the condition decides", true, seen))
            if answers["everything"].status == 200 and "{id}" in route:
                holes.append(hole(route, "everything", answers["everything"]))
        for name in ("' OR '1'='1", "admin' -- "):
            reply = await ctx.login(name, name, throttled_ok=True)
            if reply.status < 400 or reply.status >= 500 or _DATABASE.search(reply.body):
                holes.append(hole("POST /api/v1/auth/login", "SQL as a name", reply))
        return Observation(f"{len(_PLACES)} places took SQL as plain text", "", tuple(holes))
