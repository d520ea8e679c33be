"""CFG-04: pages that services leave open: docs, debug, metrics, old versions."""

from __future__ import annotations

import secrets

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.routes import declared_routes
from pynomaly_itest.registry import PROBES

_PATHS = (
    "/docs", "/redoc", "/swagger", "/swagger.json", "/api-docs", "/graphql", "/graphiql", "/debug", "/debug/pprof",
    "/debug/vars", "/console", "/admin", "/actuator", "/actuator/env", "/metrics", "/server-status", "/.env",
    "/.git/HEAD", "/config", "/config.json", "/backup.zip", "/api/v0/health", "/api/v2/health", "/api/datasets",
    "/v1/datasets", "/internal", "/phpinfo.php", "/api/v1/debug", "/api/v1/admin/debug",
)  # fmt: skip


@PROBES.register("CFG-04")
class UndeclaredPages(Probe):
    id = "CFG-04"
    title = "Nothing is open that is not declared"
    cwe = 200
    references = ("API9:2023", "ASVS 5.0.0 V13.4.5", "WSTG-CONF-05")
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = (
        "GET /openapi.json",
        "GET /{nowhere}",
        *(f"GET {path}" for path in _PATHS),
    )
    expected = "404, or 401 and 403, unless the document or the profile declares it"
    why = "Debug pages and old versions are where guards are forgotten."
    mend = "Serve what the document declares, and nothing else; declare metrics or guard them."

    async def run(self, ctx: ProbeContext) -> Observation:
        nothing = await ctx.send("GET", f"/itest-{secrets.token_hex(6)}")
        ctx.control(
            nothing.status == 404,
            f"a path that nobody declared was answered {nothing.status}: all is a page here",
        )
        declared = (
            {route.path for route in await declared_routes(ctx)} | set(ctx.demands.public) | {"/openapi.json"}
        )
        holes: list[Hole] = []
        asked = [path for path in _PATHS if path not in declared]
        for path in asked:
            reply = await ctx.send("GET", path)
            if reply.status not in (401, 403, 404, 405, 410):
                holes.append(
                    hole(
                        f"GET {path}",
                        "open",
                        reply,
                        f"{path} is not declared and was answered {reply.status}",
                    )
                )
        return Observation(
            f"{len(asked)} well-known pages, none of them open", "", tuple(holes), nothing.exchange
        )
