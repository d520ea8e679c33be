"""Tokens of the vulnerable application, verified as badly as its holes say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SIGNING_KEY = "a-long-enough-signing-key-of-the-weak-app-0451"


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_pem() -> bytes:
    return _RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def jwks() -> dict[str, Any]:
    numbers = _RSA.public_key().public_numbers()
    n, e = (b64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1", "n": n, "e": e}]}


class Tokens:
    """Issues and verifies; `asymmetric` signs with RSA and publishes the key."""

    def __init__(self, holes: frozenset[str], *, asymmetric: bool) -> None:
        self.holes = holes
        self.asymmetric = asymmetric
        self.key = b"secret" if "JWT-09" in holes else SIGNING_KEY.encode()

    def issue(self, subject: str, session: str, version: int, use: str) -> str:
        now = int(time.time())
        header = {"alg": "RS256" if self.asymmetric else "HS256", "typ": "JWT", "kid": "k1"}
        payload = {
            "sub": subject, "sid": session, "ver": version, "use": use, "iss": "weak", "aud": "weak-api",
            "iat": now, "nbf": now, "exp": now + 900, "jti": secrets.token_hex(8),
        }  # fmt: skip
        text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
        return f"{text}.{self._signature(text)}"

    def _signature(self, text: str) -> str:
        if self.asymmetric:
            return b64(_RSA.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))
        return b64(hmac.digest(self.key, text.encode(), hashlib.sha256))

    def verify(self, token: str, use: str) -> dict[str, Any] | None:
        """The payload, None where the token is refused."""
        try:
            head, body, signature = token.split(".")
            header, payload = json.loads(unb64(head)), json.loads(unb64(body))
        except ValueError:
            return None
        if not isinstance(header, dict) or not isinstance(payload, dict):
            return None
        if not self._signature_is_fine(header, f"{head}.{body}", signature):
            return None
        now = time.time()
        if "JWT-05" not in self.holes and not payload.get("nbf", 0) <= now < payload.get("exp", 0):
            return None
        if "JWT-06" not in self.holes and (payload.get("iss"), payload.get("aud")) != ("weak", "weak-api"):
            return None
        return payload if "JWT-07" in self.holes or payload.get("use") == use else None

    def _signature_is_fine(self, header: dict[str, Any], text: str, signature: str) -> bool:
        if "JWT-01" in self.holes and str(header.get("alg")).lower() == "none":
            return True
        if "JWT-02" in self.holes and signature and header.get("alg") != "none":
            return len(signature) > 20
        if "JWT-03" in self.holes and not signature and header.get("alg") in ("HS256", "RS256"):
            return True
        if "JWT-08" in self.holes and self._misled(header, text, signature):
            return True
        if "JWT-04" in self.holes and self.asymmetric and header.get("alg") == "HS256":
            return hmac.compare_digest(
                b64(hmac.digest(public_pem(), text.encode(), hashlib.sha256)), signature
            )
        if header.get("alg") != ("RS256" if self.asymmetric else "HS256"):
            return False
        if self.asymmetric:
            try:
                _RSA.public_key().verify(unb64(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
            except Exception:
                return False
            return True
        return hmac.compare_digest(self._signature(text), signature)

    @staticmethod
    def _misled(header: dict[str, Any], text: str, signature: str) -> bool:
        """The key is looked for wherever the token's own header says."""
        if "jku" in header:
            with urllib.request.urlopen(header["jku"], timeout=2):  # noqa: S310 - that is the hole
                return False
        kid = str(header.get("kid", ""))
        key = None
        if isinstance(header.get("jwk"), dict) and "k" in header["jwk"]:
            key = unb64(header["jwk"]["k"])
        elif "/" in kid and Path(kid).exists():
            key = Path(kid).read_bytes() if kid.endswith("null") else None
        return key is not None and hmac.compare_digest(
            b64(hmac.digest(key, text.encode(), hashlib.sha256)), signature
        )
