"""CFG-03: TRACE, and verbs that no route declares."""

from __future__ import annotations

import secrets

from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.routes import declared_routes
from pynomaly_itest.registry import PROBES

_ME = "/api/v1/auth/me"
_VERBS = ("TRACE", "PUT", "PATCH", "TRACK", "ITEST", "PROPFIND")


@PROBES.register("CFG-03")
class UndeclaredVerbs(Probe):
    id = "CFG-03"
    title = "TRACE and undeclared verbs are refused"
    cwe = 650
    references = ("API8:2023", "ASVS 5.0.0 V4.1.4", "ASVS 5.0.0 V13.4.4")
    severity = Severity.LOW
    impact = Impact.READS
    sends = ("GET /openapi.json", "GET auth/me", "{verb} auth/me", "{verb} datasets")
    needs = ("user_a",)
    expected = "405 (or another 4xx, or 501)"
    why = (
        "TRACE shows a script what it may not read; a forgotten verb passes a guard that looks at known ones."
    )
    mend = "Answer 405 to whatever a route does not declare."

    async def run(self, ctx: ProbeContext) -> Observation:
        mark = secrets.token_hex(8)
        declared: dict[str, set[str]] = {}
        for route in await declared_routes(ctx):
            declared.setdefault(route.path, set()).add(route.method)
        token = await (await ctx.actors.get("user_a")).token()
        fine = await ctx.wire.ask("GET", _ME, {**bearer(token), "Connection": "close"})
        ctx.control(fine.status == 200, f"GET {_ME} answered {fine.status}")
        headers = {**bearer(token), "X-Itest-Mark": mark, "Content-Length": "0", "Connection": "close"}
        asked = [
            (path, verb)
            for path in (_ME, "/api/v1/datasets")
            for verb in _VERBS
            if verb not in declared.get(path, set())
        ]
        holes: list[Hole] = []
        for path, verb in asked:
            reply = await ctx.wire.ask(verb, path, headers)
            if mark.encode() in reply.body:
                holes.append(
                    Hole(
                        f"{verb} {path}",
                        "the request is echoed",
                        f"{verb} echoes the request",
                        reply.exchange,
                    )
                )
            elif reply.status is not None and not 400 <= reply.status < 500 and reply.status != 501:
                holes.append(
                    Hole(f"{verb} {path}", "taken", f"{verb} was answered {reply.status}", reply.exchange)
                )
        return Observation(f"{len(asked)} undeclared verbs, each refused", _ME, tuple(holes), fine.exchange)
