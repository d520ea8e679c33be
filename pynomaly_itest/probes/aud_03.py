"""AUD-03: line ends and escapes in fields that end up in logs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.objects import upload
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@PROBES.register("AUD-03")
class ForgedLines(Probe):
    id = "AUD-03"
    title = "Nobody can write lines of his own into a log"
    cwe = 117
    references = ("ASVS 5.0.0 V16.4.1", "WSTG-INPV-20")
    severity = Severity.MEDIUM
    impact = Impact.CHANGES_OWN
    sends = ("GET audit", "POST datasets/upload", "GET datasets/{id}")
    needs = (
        "admin",
        "user_a",
    )
    expected = "line ends and control characters encoded"
    why = "A forged line says that somebody else did it, and an escape sequence hides lines from who reads them."
    mend = "Encode what clients send before it is written; write one JSON object a line."

    async def run(self, ctx: ProbeContext) -> Observation:
        mark = f"itestmark{secrets.token_hex(6)}"
        forged = f"{mark}\r\n{mark} forged line\x1b[2K"
        actor = await ctx.actors.get("user_a")
        await ctx.login(forged, "itest-wrong-0", throttled_ok=True)
        await upload(ctx, actor, b"a,b\n1,2\n2,3\n", f"{mark}.csv", fields={"description": forged})
        quoted = quote(forged, safe="")
        await ctx.send("GET", f"datasets/{quoted}", actor=actor, headers={"User-Agent": f"{mark} agent"})
        reply = await ctx.send("GET", "audit?limit=200&newest_first=true", actor="admin")
        if reply.status in (404, 405):
            raise NotApplicable(f"no audit log at GET /api/v1/audit ({reply.status})")
        events = ctx.require_status(reply, (200,), "GET audit")
        ctx.control(isinstance(events, list) and bool(events), "the audit log has no events")
        ctx.control(all(isinstance(event, dict) for event in events), "GET audit gives no events")
        bad = [text for text in _texts(events) if mark in text and any(ch in text for ch in "\r\n\x1b")]
        holes = (
            [
                Hole(
                    "GET /api/v1/audit",
                    "raw control characters",
                    "an audit event holds line ends as they were sent",
                    reply.exchange,
                )
            ]
            if bad
            else []
        )
        lines = (ctx.target.raw_log() or b"").splitlines()
        if any(line.startswith(mark.encode()) for line in lines):
            holes.append(
                Hole("the target's log", "a forged line", "a line of the log begins with what was sent")
            )
        return Observation(
            f"{len(events)} events and {len(lines)} lines, none forged", "GET /api/v1/audit", tuple(holes)
        )
