"""RES-02: bodies that are too long, or lie about their length."""

from __future__ import annotations

from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

_PATH = "/api/v1/detection/predict"
_PIECE = 1 << 18
_PATIENCE_S = 15.0


@PROBES.register("RES-02")
class EndlessBody(Probe):
    id = "RES-02"
    title = "Oversized bodies are cut off"
    cwe = 770
    references = ("API4:2023", "ASVS 5.0.0 V5.2.1", "WSTG-BUSL-09")
    severity = Severity.HIGH
    impact = Impact.DISRUPTS
    sends = ("POST detection/predict",)
    needs = ("user_a",)
    expected = "413 (or the connection closed), early"
    why = "A body without an end fills memory or disk until the service falls."
    mend = "Limit bodies by what arrives, not by what is announced, before anything is kept."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        headers = {**await actor.headers(), "Content-Type": "application/json", "Connection": "close"}
        small = await ctx.wire.ask("POST", _PATH, {**headers, "Content-Length": "2"}, (b"{}",))
        ctx.control(small.status in (400, 422), f"a small body was answered {small.status}")
        size = int(ctx.demands.max_json_mb * 2**20) + 1
        piece = b" " * _PIECE
        chunk = f"{_PIECE:x}".encode() + b"\r\n" + piece + b"\r\n"
        count = -(-size // _PIECE)
        tried = {
            "an announced length over the limit": ({"Content-Length": str(10 * 2**30)}, (piece,)),
            "a body over the limit": ({"Content-Length": str(count * _PIECE)}, (piece,) * count),
            "a chunked body over the limit": (
                {"Transfer-Encoding": "chunked"},
                (*(chunk,) * count, b"0\r\n\r\n"),
            ),
        }
        holes: list[Hole] = []
        for name, (framing, chunks) in tried.items():
            reply = await ctx.wire.ask("POST", _PATH, {**headers, **framing}, chunks, _PATIENCE_S)
            if reply.timed_out or (reply.status is not None and reply.status not in (411, 413, 431)):
                said = "no answer in time" if reply.timed_out else f"answered {reply.status}"
                holes.append(
                    Hole(
                        f"POST {_PATH}",
                        name,
                        f"{name}: {said} after {reply.sent_bytes} bytes",
                        reply.exchange,
                    )
                )
        return Observation(
            f"{len(tried)} oversized bodies, each cut off", f"POST {_PATH}", tuple(holes), small.exchange
        )
