"""AUT-02: the names and passwords that services are shipped with."""

from __future__ import annotations

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity, hole
from pynomaly_itest.registry import PROBES

_LOGIN = "POST /api/v1/auth/login"
_PAIRS = (
    ("admin", "admin"), ("admin", "password"), ("admin", "changeme"), ("administrator", "administrator"),
    ("root", "root"), ("root", "toor"), ("user", "user"), ("test", "test"), ("guest", "guest"), ("demo", "demo"),
    ("pynomaly", "pynomaly"), ("api", "api"), ("service", "service"), ("postgres", "postgres"),
)  # fmt: skip


@PROBES.register("AUT-02")
class DefaultCredentials(Probe):
    id = "AUT-02"
    title = "No default credentials work"
    cwe = 1392
    references = ("API2:2023", "ASVS 5.0.0 V6.3.2", "WSTG-ATHN-02")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("POST auth/login",)
    needs = ("user_a",)
    expected = "401 for every well-known pair"
    why = "These pairs are the first that anybody tries."
    mend = "Ship no account: make the first one with a one-time token, or with a password that was generated."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        ctx.require_status(await ctx.login(actor.username, actor.password), (200,), "a right login")
        holes, last = [], None
        for username, password in _PAIRS:
            last = await ctx.login(username, password)
            if last.status == 429:
                raise CannotMeasure("the target throttles logins: not every pair could be tried")
            if last.status < 400:
                holes.append(hole(_LOGIN, f"default credentials of {username}", last))
        ctx.require_status(
            await ctx.login(actor.username, actor.password), (200,), "a right login afterwards"
        )
        return Observation(
            f"{len(_PAIRS)} well-known pairs, each refused",
            _LOGIN,
            tuple(holes),
            last.exchange if last else None,
        )
