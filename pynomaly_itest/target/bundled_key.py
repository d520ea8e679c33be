"""The key of the bundled platform's access tokens, for probes that ask what a stolen one would be worth."""

from __future__ import annotations

from pathlib import Path

from pynomaly_itest.redaction import Redactor


def access_token_key(data: Path, redactor: Redactor) -> bytes | None:
    """Derived as the platform documents it: HKDF-SHA256 of the secret in its data folder; None where it keeps none.

    The secret is never shown: the redactor learns it.
    """
    file = data / "secret.key"
    if not file.exists():
        return None
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    secret = file.read_text("ascii").strip()
    redactor.learn(secret)
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"pynomaly/jwt-access")
    return derivation.derive(secret.encode())
