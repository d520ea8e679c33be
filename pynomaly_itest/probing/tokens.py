"""Forged tokens, and the one way of showing that a target refuses them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.probing.probe import Hole, Observation

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext

ME = "GET /api/v1/auth/me"
REFUSED = (401, 403)


@dataclass(frozen=True)
class Jwt:
    """A token taken apart (RFC 7515, compact form); `head` and `body` are its first parts as they came."""

    header: dict[str, Any]
    payload: dict[str, Any]
    head: str
    body: str
    signature: str


def taken_apart(token: str) -> Jwt:
    """Raises NotApplicable where the token is no JWT: then there is nothing to forge."""
    parts = token.split(".")
    try:
        header, payload = (json.loads(_decoded(part)) for part in parts[:2])
    except ValueError:
        header = payload = None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(payload, dict):
        raise NotApplicable("the target's access tokens are no JWTs")
    return Jwt(header, payload, parts[0], parts[1], parts[2])


def encoded(part: Mapping[str, Any]) -> str:
    """A header or payload as it stands in a token."""
    return base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=").decode()


def signed(header: Mapping[str, Any], payload: Mapping[str, Any], key: bytes) -> str:
    """A token signed with HMAC-SHA256."""
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{hmac_of(text, key)}"


def hmac_of(text: str, key: bytes, algorithm: str = "sha256") -> str:
    """The signature of a token's first two parts."""
    digest = hmac.digest(key, text.encode(), getattr(hashlib, algorithm))
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def encoded_bytes(content: bytes) -> str:
    """Bytes as they stand in a token or a key."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


Edit = Callable[[dict[str, Any], int], dict[str, dict[str, Any]]]
"""From a valid payload and the present (whole seconds, Unix) to payloads that lack one property each, by name."""


async def resigned_refused(ctx: ProbeContext, edit: Edit) -> Observation:
    """Payloads edited and signed with the target's own key, so that nothing but the edit is wrong with them.

    A control more than for other forgeries: an unedited payload, signed by us, is let in. Raises NotApplicable
    where the key is not ours to have.
    """
    key = ctx.signing_key()
    if key is None:
        raise NotApplicable(
            "the signing key is not known: set $PYNOMALY_ITEST_SIGNING_KEY for a test deployment"
        )
    jwt = taken_apart(await (await ctx.actors.get("user_a")).token())
    if jwt.header.get("alg") != "HS256":
        raise NotApplicable(f"tokens are signed with {jwt.header.get('alg')}, whose private key is not ours")

    def sign(payload: Mapping[str, Any]) -> str:
        text = f"{jwt.head}.{encoded(payload)}"
        return f"{text}.{hmac_of(text, key)}"

    own = sign({**jwt.payload, "jti": "itest-control"})
    reply = await ctx.me(own)
    ctx.control(
        reply.status == 200, f"a valid token that we signed was answered {reply.status}: is the key right?"
    )
    edited = edit(jwt.payload, int(jwt.payload.get("iat", 0)))
    return await tokens_refused(ctx, {name: sign(payload) for name, payload in edited.items()}, valid=own)


async def tokens_refused(
    ctx: ProbeContext, forged: Mapping[str, str], valid: str | None = None
) -> Observation:
    """Send each forged token; every one must be refused.

    Controls: the valid token is let in before and after, nonsense is not.
    """
    token = valid or await (await ctx.actors.get("user_a")).token()
    await _valid_works(ctx, token, "before")
    nonsense = await ctx.me("nonsense.nonsense.nonsense")
    ctx.control(nonsense.status in REFUSED, f"a token of nonsense was answered {nonsense.status}")
    holes: list[Hole] = []
    last = nonsense
    for weakness, candidate in forged.items():
        last = await ctx.me(candidate)
        if last.status == 429:
            raise CannotMeasure("the target throttles these requests")
        if last.status not in REFUSED:
            holes.append(Hole(ME, weakness, f"{weakness}: answered {last.status}", last.exchange))
    await _valid_works(ctx, token, "after")
    return Observation(f"{len(forged)} forged tokens, each refused", ME, tuple(holes), last.exchange)


async def _valid_works(ctx: ProbeContext, token: str, when: str) -> None:
    reply = await ctx.me(token)
    ctx.control(reply.status == 200, f"{when} the forged ones the valid token was answered {reply.status}")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
