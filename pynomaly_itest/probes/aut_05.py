"""AUT-05: what a bad login says of a known name and of an unknown one."""

from __future__ import annotations

import json
from typing import Any

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_LOGIN = "POST /api/v1/auth/login"


@PROBES.register("AUT-05")
class TellingAnswer(Probe):
    id = "AUT-05"
    title = "A bad login does not tell whether the name exists"
    cwe = 204
    references = ("API2:2023", "ASVS 5.0.0 V6.3.8", "WSTG-IDNT-04")
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = ("POST auth/login",)
    needs = ("user_a",)
    expected = "the same status, headers and body for both"
    why = "A list of the names that exist is the first half of every break-in."
    mend = "Answer every bad login with the same words, after the same work."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        ctx.require_status(await ctx.login(actor.username, actor.password), (200,), "a right login")
        unknown = [await self._bad(ctx, f"itest-nobody-{number}") for number in (1, 2)]
        known = await self._bad(ctx, actor.username)
        ctx.require_status(
            await ctx.login(actor.username, actor.password), (200,), "a right login afterwards"
        )
        volatile = {key for key in unknown[0] if unknown[0][key] != unknown[1].get(key)}
        ctx.control("status" not in volatile, "two unknown names were answered differently")
        differing = sorted(
            key for key in {*known, *unknown[0]} - volatile if known.get(key) != unknown[0].get(key)
        )
        if not differing:
            return Observation(
                f"a known and an unknown name: {unknown[0]['status']} with the same words", _LOGIN
            )
        seen = f"the answers for a known and an unknown name differ in {', '.join(differing)}"
        return Observation(seen, _LOGIN, (Hole(_LOGIN, "the answer tells", seen),))

    @staticmethod
    async def _bad(ctx: ProbeContext, username: str) -> dict[str, Any]:
        """The parts of the answer to a bad login, by name."""
        reply = await ctx.login(username, "itest-not-the-password-0", throttled_ok=True)
        if reply.status == 429:
            raise CannotMeasure("the target throttles logins")
        parts: dict[str, Any] = {"status": reply.status}
        parts |= {f"header {name}": value for name, value in reply.headers.items()}
        try:
            body = json.loads(reply.body)
        except ValueError:
            body = None
        if isinstance(body, dict):
            return parts | {f"body {key}": value for key, value in body.items()}
        return parts | {"body": reply.body}
