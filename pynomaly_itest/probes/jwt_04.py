"""JWT-04: a token signed with HMAC, the public key as its secret."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import encoded, hmac_of, taken_apart, tokens_refused
from pynomaly_itest.registry import PROBES


@PROBES.register("JWT-04")
class PublicKeyAsSecret(Probe):
    id = "JWT-04"
    title = "Tokens signed with the public key as an HMAC secret are refused"
    cwe = 347
    references = ("API2:2023", "ASVS 5.0.0 V9.1.2", "WSTG-SESS-10")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET /.well-known/jwks.json", "GET auth/me")
    needs = ("user_a",)
    expected = "401: a token of another algorithm than the service signs with"
    why = "The public key is public: whoever has it could sign tokens for every account."
    mend = "Bind each key to one algorithm; never choose the algorithm by the token's header."

    async def run(self, ctx: ProbeContext) -> Observation:
        token = await (await ctx.actors.get("user_a")).token()
        jwt = taken_apart(token)
        if not str(jwt.header.get("alg", "")).startswith(("RS", "ES", "PS")):
            raise NotApplicable(f"tokens are signed with {jwt.header.get('alg')}: there is no public key")
        forged = {}
        for form, secret in (await self._public_key(ctx, jwt.header.get("kid"))).items():
            text = f"{encoded({**jwt.header, 'alg': 'HS256'})}.{jwt.body}"
            forged[f"HS256 with the public key as {form}"] = f"{text}.{hmac_of(text, secret)}"
        return await tokens_refused(ctx, forged, valid=token)

    @staticmethod
    async def _public_key(ctx: ProbeContext, kid: object) -> dict[str, bytes]:
        """The key that the target publishes, in the forms in which a service may hold it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        from jwt import PyJWK

        path = ctx.demands.issuer_key_path
        reply = await ctx.send("GET", path)
        document = reply.json() if reply.status == 200 else None
        keys = document.get("keys") if isinstance(document, dict) else None
        known = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
        chosen = [key for key in known if kid is None or key.get("kid") == kid]
        if not chosen:
            raise NotApplicable(f"no public key for these tokens at {path}")
        try:
            key = PyJWK(chosen[0]).key
            public = key.public_key() if hasattr(key, "public_key") else key  # some publish the private one
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except Exception as problem:  # PyJWT's own, and what its parsers raise on a document that is none
            why = f"{type(problem).__name__}: {problem}"[:200]
            raise NotApplicable(f"the key at {path} can't be read ({why})") from problem
        return {"PEM": pem, "PEM without its last line end": pem.rstrip(b"\n"), "DER": der}
