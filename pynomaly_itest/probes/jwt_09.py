"""JWT-09: an offline dictionary against the secret of HMAC tokens."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.probing.tokens import ME, hmac_of, taken_apart
from pynomaly_itest.registry import PROBES

_WORDS = (
    "secret", "password", "changeme", "change-me", "jwt", "jwt-secret", "jwtsecret", "jwt_secret", "key", "secretkey",
    "secret-key", "secret_key", "my-secret", "mysecret", "my-secret-key", "your-secret-key", "your_secret_key",
    "your-256-bit-secret", "supersecret", "super-secret", "super-secret-key", "topsecret", "s3cr3t", "test", "testing",
    "test-secret", "dev", "development", "dev-secret", "default", "example", "insecure", "admin", "root", "token",
    "auth", "api", "api-key", "apikey", "private", "private-key", "hmac", "qwerty", "letmein", "welcome", "123456",
    "12345678", "123456789", "1234567890", "0123456789", "abc123", "abcdef", "hello", "world", "foo", "bar", "foobar",
    "pynomaly", "pynomaly-secret", "pynomaly-secret-key", "anomaly", "service", "production", "django-insecure",
    "flask-secret", "fastapi", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "none", "null", "",
)  # fmt: skip
_ENDS = ("", "1", "123", "!", "2023", "2024", "2025", "_key", "-key")


def _candidates() -> Iterator[str]:
    for word in _WORDS:
        for spelling in dict.fromkeys((word, word.upper(), word.capitalize())):
            yield from (f"{spelling}{end}" for end in _ENDS)
            yield spelling * 2


def _guessed(text: str, signature: str, hashed: str) -> str | None:
    """The first candidate that makes this signature, None where no one does."""
    for candidate in _candidates():
        if hmac.compare_digest(hmac_of(text, candidate.encode(), hashed), signature):
            return candidate
    return None


@PROBES.register("JWT-09")
class WeakSecret(Probe):
    id = "JWT-09"
    title = "The secret that signs tokens is in no dictionary"
    cwe = 1391
    references = ("API2:2023", "ASVS 5.0.0 V9.1.1", "WSTG-SESS-10")
    severity = Severity.CRITICAL
    impact = Impact.READS
    sends = ("GET auth/me",)
    needs = ("user_a",)
    expected = "no well-known or short secret signs these tokens"
    why = "Whoever guesses the secret, offline and unseen, can sign tokens for every account."
    mend = "Generate at least 32 random bytes, and refuse to start with less."

    async def run(self, ctx: ProbeContext) -> Observation:
        token = await (await ctx.actors.get("user_a")).token()
        jwt = taken_apart(token)
        hashed = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}.get(str(jwt.header.get("alg")))
        if hashed is None:
            raise NotApplicable(f"tokens are signed with {jwt.header.get('alg')}: there is no shared secret")
        ctx.require_status(await ctx.me(token), (200,), "GET auth/me with the token")
        text = f"{jwt.head}.{jwt.body}"
        ctx.control(
            _guessed(text, hmac_of(text, b"secret", hashed), hashed) == "secret", "the search is broken"
        )
        found = _guessed(text, jwt.signature, hashed)
        candidates = sum(1 for _ in _candidates())
        if found is None:
            return Observation(f"none of {candidates} well-known secrets signs the token", ME)
        seen = f"a secret of {len(found)} characters, out of {candidates} well-known ones, signs the token"
        return Observation(seen, ME, (Hole(ME, "a guessable secret", seen),))
