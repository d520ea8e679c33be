"""CFG-01: the headers that tell browsers to be careful."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES


@PROBES.register("CFG-01")
class SecurityHeaders(Probe):
    id = "CFG-01"
    title = "Every answer carries nosniff, and HSTS over TLS"
    cwe = 693
    references = ("API8:2023", "ASVS 5.0.0 V3.4.1", "ASVS 5.0.0 V3.4.4")
    severity = Severity.LOW
    impact = Impact.READS
    sends = ("GET auth/me", "GET /{nowhere}")
    needs = ("user_a",)
    expected = "X-Content-Type-Options: nosniff on every answer, Strict-Transport-Security on those over TLS"
    why = "Without them a browser guesses types, and lets itself be led back to plain HTTP."
    mend = "Set both in the outermost layer, so that errors have them too."

    async def run(self, ctx: ProbeContext) -> Observation:
        is_tls = ctx.target.info.url.startswith("https:")
        answers = {
            "GET /api/v1/auth/me": (await ctx.send("GET", "auth/me", actor="user_a"), 200),
            "GET /api/v1/auth/me (refused)": (await ctx.send("GET", "auth/me"), 401),
            "GET /itest-nowhere": (await ctx.send("GET", "/itest-nowhere"), 404),
        }
        holes: list[Hole] = []
        for route, (reply, status) in answers.items():
            ctx.control(reply.status == status, f"{route} answered {reply.status}, not {status}")
            if reply.headers.get("x-content-type-options", "").lower() != "nosniff":
                holes.append(hole(route, "no nosniff", reply, "X-Content-Type-Options is missing"))
            if is_tls and "max-age" not in reply.headers.get("strict-transport-security", ""):
                holes.append(hole(route, "no HSTS", reply, "Strict-Transport-Security is missing"))
        note = "" if is_tls else " (plain HTTP on loopback: HSTS would have no effect, and was not asked for)"
        return Observation(f"{len(answers)} answers carry the headers{note}", "", tuple(holes))
