"""JWT-08: tokens whose header says where their key is."""

from __future__ import annotations

from pynomaly_itest.probing.callback import listening
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import ME, encoded_bytes, signed, taken_apart, tokens_refused
from pynomaly_itest.registry import PROBES

_OWN_KEY = b"itest-key-that-the-target-never-saw"
_KIDS = {
    "../../../../../../../../dev/null": b"",
    "/dev/null": b"",
    "' UNION SELECT 'itest' -- ": b"itest",
}


@PROBES.register("JWT-08")
class KeyFromHeader(Probe):
    id = "JWT-08"
    title = "Keys named by a token's own header are not used"
    cwe = 22
    references = ("API2:2023", "ASVS 5.0.0 V9.1.3", "WSTG-SESS-10")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "401, and no request to the address that the header names"
    why = "Whoever names the key can sign; and a jku makes the service call wherever he likes."
    mend = "Look keys up in a fixed table by kid, and ignore jku, jwk, x5u and x5c."

    async def run(self, ctx: ProbeContext) -> Observation:
        token = await (await ctx.actors.get("user_a")).token()
        jwt = taken_apart(token)
        base = {**jwt.header, "alg": "HS256"}
        forged = {f"kid {kid}": signed({**base, "kid": kid}, jwt.payload, key) for kid, key in _KIDS.items()}
        jwk = {"kty": "oct", "k": encoded_bytes(_OWN_KEY), "alg": "HS256"}
        forged["an embedded jwk"] = signed({**base, "jwk": jwk}, jwt.payload, _OWN_KEY)
        async with listening(ctx) as listener:
            for name in ("jku", "x5u"):
                forged[f"a {name} of our own"] = signed(
                    {**base, name: listener.url(name)}, jwt.payload, _OWN_KEY
                )
            seen = await tokens_refused(ctx, forged, valid=token)
            called = await listener.calls(ctx)
        holes = [
            Hole(ME, f"{name} fetched", f"the target fetched the token's {name}") for name in sorted(called)
        ]
        return Observation(seen.observed, seen.where, (*seen.holes, *holes), seen.exchange)
