"""API keys: for machines, narrower than their owner, shown once, kept as a digest."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from pynomaly.domain.accounts import ApiKey, User
from pynomaly.domain.errors import InvalidInput, NotFound, Unauthenticated
from pynomaly.domain.permissions import Permission, Principal
from pynomaly.security.foundation import Caller, Foundation
from pynomaly.security.proofs import Proof, ProofCache

_SHAPE = re.compile(r"pyn_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)
_MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """The key and, this once, its secret."""

    key: ApiKey
    secret: str = field(repr=False)


class ApiKeys:
    """Creates, verifies and revokes API keys."""

    def __init__(self, foundation: Foundation, proofs: ProofCache) -> None:
        self._base = foundation
        self._proofs = proofs

    def create(
        self, user_id: str, name: str, permissions: Iterable[str], expires_at: float | None, by: Caller
    ) -> NewApiKey:
        """A key with part of its owner's permissions, until `expires_at` (None: as long as allowed).

        Raises Forbidden for a permission that the owner doesn't hold, InvalidInput for a name, permission or
        expiry that makes no sense.
        """
        user = self._base.own(user_id, by, "api-key.create")
        granted = _parsed(permissions)
        if not granted <= user.permissions:
            reason = "a key can't hold more than its owner"
            raise self._base.refuse("api-key.create", by, resource=f"user:{user_id}", reason=reason)
        now = self._base.clock()
        digits, random = secrets.token_hex(8), secrets.token_hex(32)
        secret = f"pyn_{digits}_{random}"
        key = ApiKey(
            id=digits,
            user_id=user_id,
            name=_good_name(name),
            permissions=granted,
            secret_digest=sha256(secret.encode()).digest(),
            created_at=now,
            expires_at=self._good_expiry(expires_at, now),
        )
        self._base.accounts.api_keys.add(key)
        if not self._base.is_unchanged(user):  # closed, or given a new password, meanwhile
            self._base.accounts.api_keys.revoke(key.id, now)
            raise Unauthenticated("The account was changed meanwhile.", hint="Log in again.")
        self._base.record("api-key.create", by, resource=f"api-key:{key.id}")
        return NewApiKey(key, secret)

    def verify(self, secret: str) -> Principal:
        """Who owns the key; raises Unauthenticated.

        A plain SHA-256 is enough, and fast: the secret is 256 random bits, so there is nothing to guess
        slowly.
        """
        now = self._base.clock()
        digest = sha256(secret.encode("ascii", "replace")).digest()
        return self._proofs.get(digest, now) or self._prove(secret, digest, now)

    def of_user(self, user_id: str, by: Caller) -> Sequence[ApiKey]:
        """A user's keys that still count, oldest first; raises Forbidden, NotFound."""
        self._base.require_login(by, "api-key.list", resource=f"user:{user_id}")
        self._base.own_or_seen(user_id, by, "api-key.list")
        now = self._base.clock()
        return [key for key in self._base.accounts.api_keys.of_user(user_id) if key.is_alive(now)]

    def revoke(self, key_id: str, by: Caller) -> None:
        """Ends a key at once; raises NotFound where it isn't the caller's or his tenant's to administer, and
        Forbidden without a login.
        """
        self._base.require_login(by, "api-key.revoke", resource=f"api-key:{key_id}")
        key = self._base.accounts.api_keys.get(key_id)
        if key is None:
            raise NotFound("There is no such API key.")
        principal = by.principal
        if principal and principal.user_id != key.user_id:
            if Permission.USERS_WRITE not in principal.permissions:
                raise NotFound("There is no such API key.")
            self._base.administered(key.user_id, by, "api-key.revoke")
        self._base.accounts.api_keys.revoke(key_id, self._base.clock())
        self._base.epoch.advance()
        self._base.record("api-key.revoke", by, resource=f"api-key:{key_id}")

    def _prove(self, secret: str, digest: bytes, now: float) -> Principal:
        epoch = (
            self._base.epoch.current()
        )  # before the store is asked: a change in between makes this proof stale
        shape = _SHAPE.fullmatch(secret)
        key = self._base.accounts.api_keys.get(shape[1]) if shape else None
        if key is None or not hmac.compare_digest(key.secret_digest, digest) or not key.is_alive(now):
            raise _invalid()
        user = self._base.accounts.users.get(key.user_id)
        if user is None or user.disabled:
            raise _invalid()
        principal = _principal(user, key)
        valid_until = min(key.expires_at, now + self._base.settings.session_cache_s)
        self._proofs.put(digest, Proof(principal, epoch, valid_until))
        return principal

    def _good_expiry(self, expires_at: float | None, now: float) -> float:
        latest = now + self._base.settings.api_key_max_s
        if expires_at is None:
            return latest
        if not now < expires_at <= latest:
            raise InvalidInput("An API key must expire in the future, and within the longest time allowed.")
        return expires_at


def _principal(user: User, key: ApiKey) -> Principal:
    """With the permissions that key and role have in common *now*: a demotion reaches the keys too."""
    return Principal(
        user_id=user.id,
        username=user.username,
        tenant_id=user.tenant_id,
        role=user.role,
        permissions=key.permissions & user.permissions,
        clearance=user.clearance,
        api_key_id=key.id,
    )


def _parsed(permissions: Iterable[str]) -> frozenset[Permission]:
    try:
        granted = frozenset(Permission(name) for name in permissions)
    except ValueError as error:
        known = ", ".join(Permission)
        raise InvalidInput("There is no such permission.", hint=f"one of {known}") from error
    if not granted:
        raise InvalidInput("An API key needs at least one permission.")
    return granted


def _good_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise InvalidInput(f"An API key's name has 1 to {_MAX_NAME} printable characters.")
    return name


def _invalid() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")
