"""Time-based one-time passwords (RFC 6238, over RFC 4226): six digits, 30 seconds, SHA-1 as authenticator
apps expect.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

_STEP_S = 30
_DIGITS = 6
_DRIFT_STEPS = 1
"""Codes of the step before and after count too: clocks of phones differ."""


def new_secret() -> bytes:
    """160 random bits, the length of the hash (RFC 4226, section 4)."""
    return secrets.token_bytes(20)


def code_at(secret: bytes, now: float, *, digits: int = _DIGITS) -> str:
    """The code that an authenticator shows at `now` (seconds since 1970)."""
    return _code(secret, int(now) // _STEP_S, digits)


def matching_step(secret: bytes, code: str, now: float, *, after: int) -> int | None:
    """The time step whose code this is, within the drift and later than `after`; None if there is none.

    The caller keeps the step and hands it in as `after` next time: a code that was looked over a shoulder
    counts once.
    """
    present = int(now) // _STEP_S
    found = None
    for step in range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1):
        is_equal = hmac.compare_digest(_code(secret, step, _DIGITS).encode(), code.encode("utf-8", "replace"))
        if is_equal and step > after:
            found = step
    return found


def provisioning_uri(secret: bytes, username: str, issuer: str) -> str:
    """The `otpauth://` address that authenticator apps read from a QR code."""
    label = quote(f"{issuer}:{username}")
    shown = base64.b32encode(secret).decode().rstrip("=")
    return f"otpauth://totp/{label}?{urlencode({'secret': shown, 'issuer': issuer})}"


def _code(secret: bytes, step: int, digits: int) -> str:
    mac = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)
