"""AUT-01: every route that asks for credentials, without any, and with malformed ones."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import EACH_OPERATION, Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.routes import Route, declared_routes
from pynomaly_itest.registry import PROBES

_MALFORMED = {
    "a token of one letter": {"Authorization": "Bearer x"},
    "another scheme": {"Authorization": "Basic aXRlc3Q6aXRlc3Q="},
    "a token of nonsense": {"Authorization": "Bearer nonsense"},
    "an API key of nonsense": {"X-API-Key": "nonsense"},
}


@PROBES.register("AUT-01")
class NoCredentials(Probe):
    id = "AUT-01"
    title = "Every protected route refuses requests without valid credentials"
    cwe = 306
    references = ("API2:2023", "ASVS 5.0.0 V8.3.1", "WSTG-ATHN-04")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET /openapi.json", EACH_OPERATION)
    needs = ("admin",)
    expected = (
        "401 on every route that the API's document protects, without credentials and with malformed ones"
    )
    why = "A route that forgot to ask is open to everyone who reaches the port."
    mend = "Refuse by default, and name the routes that are open; not the other way round."

    async def run(self, ctx: ProbeContext) -> Observation:
        routes = [route for route in await declared_routes(ctx) if not route.is_public]
        ctx.control(bool(routes), "the API's document protects no route at all")
        await self._controls(ctx, routes)
        holes: list[Hole] = []
        for route in routes:
            for weakness, headers in {"no credentials": {}, **_MALFORMED}.items():
                reply = await ctx.send(route.method, route.filled(), headers=headers)
                if reply.status not in (401, 403):
                    said = f"with {weakness} it answered {reply.status}"
                    holes.append(Hole(route.name, weakness, said, reply.exchange))
                    break  # one hole a route
        return Observation(
            f"{len(routes)} routes, each refused {1 + len(_MALFORMED)} kinds of strangers", "", tuple(holes)
        )

    @staticmethod
    async def _controls(ctx: ProbeContext, routes: list[Route]) -> None:
        """With valid credentials some protected GET route is not refused, so a refusal means something."""
        plain = [route for route in routes if route.method == "GET" and "{" not in route.path]
        ctx.control(bool(plain), "no protected GET route without an id, to show that credentials open one")
        opened = [(await ctx.send("GET", route.path, actor="admin")).status for route in plain]
        ctx.control(
            any(status < 400 for status in opened), f"valid credentials open none of {len(plain)} routes"
        )
