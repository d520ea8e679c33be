"""SES-05: an open stream after its account was closed."""

from __future__ import annotations

import asyncio

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.probing.administering import NOT_THERE, changed
from pynomaly_itest.probing.context import ProbeContext, bearer
from pynomaly_itest.probing.objects import SENT_FOR_TRAINED, blob, csv_of, dataset_of, detector_of, trained
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.wire import Connection
from pynomaly_itest.registry import PROBES

_ROUTE = "POST /api/v1/detection/stream"
_LINE = b"[0.0, 0.0, 0.0]\n"
_PATIENCE_S = 10.0


@PROBES.register("SES-05")
class StreamOutlivesAccount(Probe):
    id = "SES-05"
    title = "An open stream ends with its account"
    cwe = 613
    references = ("API2:2023", "ASVS 5.0.0 V7.4.2", "WSTG-SESS-06")
    severity = Severity.HIGH
    impact = Impact.CHANGES_OWN
    sends = (*SENT_FOR_TRAINED, "POST detection/stream", "PATCH admin/users/{id}")
    needs = ("admin",)
    expected = "no score after the account was closed"
    why = "A request that never ends is a session that never ends."
    mend = "Look account, session and object up again at each batch of lines."

    async def run(self, ctx: ProbeContext) -> Observation:
        canary = await ctx.actors.canary("data_scientist")
        detector = await detector_of(ctx, canary)
        await trained(ctx, canary, detector, await dataset_of(ctx, canary, csv_of(blob(ctx.seed))))
        headers = {
            **bearer((await ctx.new_session(canary)).access),
            "Content-Type": "application/x-ndjson",
            "Transfer-Encoding": "chunked",
        }
        connection = await ctx.wire.connect()
        try:
            ctx.budget.spend(requests=1, sent_bytes=2 * len(_LINE))
            await ctx.wire.departures.leave()
            path = f"/api/v1/detection/stream?detector_id={detector}"
            connection.writer.write(connection.head("POST", path, headers) + _chunk(_LINE))
            before = await _until(connection, b"score")
            status = before.partition(b" ")[2][:3].decode("latin-1")
            if status in map(str, NOT_THERE):
                raise NotApplicable(f"there is no stream ({_ROUTE}: {status})")
            if b'"score"' not in before:
                raise CannotMeasure("control: the stream gave no score while the account was open")
            reply = await changed(ctx, canary, {"disabled": True})
            ctx.require_status(reply, (200, 204), "PATCH admin/users/{id}")
            connection.writer.write(_chunk(_LINE))
            after = await _until(connection, b"score")
        finally:
            await connection.close()
        if b'"score"' in after:
            seen = "the stream went on to score after its account was closed"
            return Observation(seen, _ROUTE, (Hole(_ROUTE, "a stream of a closed account", seen),))
        return Observation("no score after the account was closed", _ROUTE)


def _chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


async def _until(connection: Connection, wanted: bytes) -> bytes:
    """What comes until that was among it, the other side ends or refuses, or it took too long."""
    found = b""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while wanted not in found and b'"error"' not in found and len(found) < 65_536:
                piece = await connection.reader.read(4_096)
                if not piece:
                    break
                found += piece
                if found.startswith(b"HTTP/1.1 4"):
                    break
    except (TimeoutError, OSError):
        pass  # silence and a closed connection are no score either
    return found
