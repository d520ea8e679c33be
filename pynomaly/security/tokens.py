"""Bearer tokens: signed JWTs (RFC 7519, RFC 9068) in exactly one shape, anything else refused before it is
parsed.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import jwt

from pynomaly.domain.errors import Unauthenticated
from pynomaly.security.settings import Key, SecuritySettings

if TYPE_CHECKING:
    from jwt.types import Options

_MAX_LENGTH = 2048
_CANONICAL_ENDS = frozenset("AEIMQUYcgkosw048")
"""32 bytes end in a base64url character whose last two bits are zero; others would be second spellings."""
_REQUIRED = ["exp", "nbf", "iat", "iss", "aud", "sub", "sid", "jti", "ver", "use"]
_CHECKS: Options = {
    "require": _REQUIRED,
    "strict_aud": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
"""The clock is handed in, so the times are checked here; PyJWT checks signature, issuer, audience and
presence.
"""


class TokenUse(StrEnum):
    """What a token is for; each use has a key, a header and a claim of its own."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login or a refresh hands out; `expires_in` is the access token's life in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_type: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says. `auth_version` is the account's at the time of issue."""

    user_id: str
    session_id: str
    token_id: str
    auth_version: int
    expires_at: float


class TokenSigner:
    """Signs and reads tokens of one use.

    A token's header must be, byte for byte, one of those written here: that leaves no room for `alg: none`,
    another algorithm, `kid` paths, `jku`, `jwk` or `crit`.
    """

    def __init__(self, use: TokenUse, settings: SecuritySettings) -> None:
        self._use = use
        self._issuer, self._audience = settings.issuer, settings.audience
        keys = settings.derived_keys(f"jwt-{use}")
        self._key = keys[0]
        self._by_header = {_encoded_header(self._header(key)): key for key in keys}
        self._jwt = jwt.PyJWT()

    def sign(
        self,
        *,
        user_id: str,
        session_id: str,
        auth_version: int,
        now: float,
        lifetime_s: float,
        token_id: str = "",
    ) -> str:
        """A token valid from `now` for `lifetime_s` seconds."""
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "ver": auth_version,
            "use": self._use.value,
            "jti": token_id or secrets.token_urlsafe(12),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + lifetime_s),
        }
        header = self._header(self._key)
        return self._jwt.encode(
            claims, self._key.secret, algorithm="HS256", headers=header, sort_headers=False
        )

    def read(self, token: str, now: float) -> Claims:
        """Raises Unauthenticated, always with the same words, for anything but a valid token of this use."""
        header, dot, _ = token.partition(".")
        key = self._by_header.get(header)
        if not dot or key is None or len(token) > _MAX_LENGTH or token[-1] not in _CANONICAL_ENDS:
            raise _invalid()
        try:
            claims = self._jwt.decode(
                token,
                key.secret,
                algorithms=["HS256"],
                audience=self._audience,
                issuer=self._issuer,
                options=_CHECKS,
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _invalid() from error
        return self._checked(claims, now)

    def _checked(self, claims: dict[str, Any], now: float) -> Claims:
        times = (claims["exp"], claims["nbf"], claims["iat"])
        if any(type(instant) is not int for instant in times) or type(claims["ver"]) is not int:
            raise _invalid()
        if claims["use"] != self._use.value or not claims["nbf"] <= now < claims["exp"]:
            raise _invalid()
        if not isinstance(claims["sid"], str):
            raise _invalid()
        return Claims(claims["sub"], claims["sid"], claims["jti"], claims["ver"], float(claims["exp"]))

    def _header(self, key: Key) -> dict[str, str]:
        kind = "at+jwt" if self._use is TokenUse.ACCESS else "rt+jwt"
        return {"typ": kind, "alg": "HS256", "kid": key.id}


def _encoded_header(header: dict[str, str]) -> str:
    text = json.dumps(header, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _invalid() -> Unauthenticated:
    return Unauthenticated("The token is not valid.", hint="Log in again.")
