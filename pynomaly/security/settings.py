"""The security settings, checked once: an unsafe one stops the start instead of weakening the service."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pynomaly.domain.errors import Misconfigured

_MIN_SECRET_LENGTH = 32
_MIN_DISTINCT_CHARACTERS = 12
_KNOWN_DEFAULTS = re.compile(
    r"change.?(me|this)|default|example|insecure|password|pynomaly.?(dev|key|secret|test)|secret.?key|your.?(secret|key)|super.?secret"
    r"|0123456789|123456789|abcdefgh|qwerty|test.?key|dev.?key",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Key:
    """A derived key and the public name under which tokens and audit events refer to it."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """Argon2id's cost (RFC 9106). The default is OWASP's: 19 MiB, 2 passes, about 20 ms of one core."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1
    at_once: int = 4
    """Hashes computed at the same time at most: bounds the memory that a burst of logins takes."""


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Everything the security services can be told. Durations in seconds.

    `secret_key` signs tokens and seals the audit log; `previous_secret_keys` are still accepted for tokens
    and needed to verify old audit events, so that the key can be changed without a logout of everyone.
    """

    secret_key: str = field(repr=False)
    previous_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    issuer: str = "pynomaly"
    audience: str = "pynomaly-api"
    access_token_s: float = 900
    refresh_token_s: float = 8 * 3600
    session_s: float = 7 * 86_400
    session_cache_s: float = 5
    session_cache_size: int = 10_000
    api_key_max_s: float = 365 * 86_400
    lockout_failures: int = 5
    lockout_first_s: float = 30
    lockout_s: float = 900
    password_min_length: int = 12
    password_max_length: int = 256
    password_min_score: int = 3
    """zxcvbn's estimate, 0 to 4; 3 is at least 10^8 guesses."""
    password_cost: PasswordCost = PasswordCost()
    bootstrap_token_s: float = 3600

    def __post_init__(self) -> None:
        require_strong_secret(self.secret_key, "PYNOMALY_SECRET_KEY")
        for previous in self.previous_secret_keys:
            require_strong_secret(previous, "PYNOMALY_PREVIOUS_SECRET_KEYS")
        for name in (
            "access_token_s",
            "refresh_token_s",
            "session_s",
            "api_key_max_s",
            "lockout_failures",
            "lockout_first_s",
            "lockout_s",
            "bootstrap_token_s",
        ):
            if not getattr(self, name) > 0:
                raise Misconfigured(f"PYNOMALY_{name.upper()} must be greater than zero.")
        if self.session_cache_s < 0 or self.session_cache_size < 1:
            raise Misconfigured(
                "PYNOMALY_SESSION_CACHE_S can't be negative, nor PYNOMALY_SESSION_CACHE_SIZE under 1."
            )
        if not 8 <= self.password_min_length <= 64 <= self.password_max_length:
            raise Misconfigured("Passwords of 64 characters must be allowed, and those under 8 refused.")

    def derived_keys(self, purpose: str) -> tuple[Key, ...]:
        """One key per secret, the current one first; keys of different purposes can't stand in for one
        another.
        """
        return tuple(_derive(secret, purpose) for secret in (self.secret_key, *self.previous_secret_keys))


def require_strong_secret(secret: str, setting: str) -> None:
    """Raises Misconfigured, naming the setting and not the value, for a short, repetitive or well-known
    secret.
    """
    reason = _weakness(secret)
    if reason is not None:
        raise Misconfigured(
            f"{setting} {reason}.",
            hint='generate one: python -c "import secrets; print(secrets.token_urlsafe(48))"',
        )


def _weakness(secret: str) -> str | None:
    if not secret:
        return "is not set"
    if len(secret) < _MIN_SECRET_LENGTH:
        return f"is shorter than {_MIN_SECRET_LENGTH} characters"
    if len(set(secret)) < _MIN_DISTINCT_CHARACTERS:
        return "repeats few characters"
    if _KNOWN_DEFAULTS.search(secret):
        return "contains a well-known default"
    return None


def _derive(secret: str, purpose: str) -> Key:
    """HKDF-SHA256 (RFC 5869): the setting's text is never itself a key."""
    info = f"pynomaly/{purpose}".encode()
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())
    return Key(id=hashlib.sha256(b"id:" + key).hexdigest()[:12], secret=key)
