"""CFG-06: plain HTTP, and versions of TLS that are broken."""

from __future__ import annotations

import ssl

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tls import can_speak, handshake, speaks_plainly
from pynomaly_itest.registry import PROBES

_OLD = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}


@PROBES.register("CFG-06")
class OldTls(Probe):
    id = "CFG-06"
    title = "Only TLS 1.2 and newer is spoken"
    cwe = 326
    references = ("API8:2023", "ASVS 5.0.0 V12.1.1", "WSTG-CRYP-01")
    severity = Severity.HIGH
    impact = Impact.READS
    sends = ("a TLS handshake for each version",)
    expected = "no plain HTTP beyond this machine, no handshake with TLS 1.0 or 1.1"
    why = "What travels in the clear, or nearly so, is read and changed on its way."
    mend = "Listen with TLS 1.2 as the minimum, and redirect or close plain HTTP."

    async def run(self, ctx: ProbeContext) -> Observation:
        url = ctx.target.info.url
        if not url.startswith("https:"):
            if ctx.is_local:
                raise NotApplicable("plain HTTP on this machine's own loopback is exempt")
            seen = "the service is used over plain HTTP"
            return Observation(seen, "the origin", (Hole("the origin", "plain HTTP", seen),))
        ctx.control(
            await handshake(ctx, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
            "no handshake with TLS 1.2 or 1.3",
        )
        holes: list[Hole] = []
        for name, version in _OLD.items():
            ctx.control(
                can_speak(version), f"our own OpenSSL does not speak {name}, so nothing could be seen"
            )
            if await handshake(ctx, version, version):
                holes.append(Hole("the origin", name, f"a handshake with {name} succeeded"))
        if await speaks_plainly(ctx):
            holes.append(
                Hole("the origin", "plain HTTP on the TLS port", "plain HTTP was answered on the TLS port")
            )
        return Observation("TLS 1.0, TLS 1.1 and plain HTTP are refused", "the origin", tuple(holes))
