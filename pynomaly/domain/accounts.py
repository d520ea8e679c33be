"""Accounts and their proofs of identity: users, sessions, API keys, and the repositories that keep them.

Instants are seconds since 1970 (UTC) as the clock handed to the services gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pynomaly.domain.permissions import ROLE_PERMISSIONS, Permission, Role, SecurityLevel

__all__ = [
    "AccountRepositories",
    "ApiKey",
    "ApiKeyRepository",
    "AttemptRepository",
    "AttemptReserved",
    "EndedCredentials",
    "HeldData",
    "KnownSourceRepository",
    "OneTimeTokenRepository",
    "PersonalDataSource",
    "Session",
    "SessionRepository",
    "Throttle",
    "User",
    "UserRepository",
]


@dataclass(frozen=True, slots=True)
class User:
    """An account. `auth_version` grows with every change after which older access tokens must not count."""

    id: str
    username: str
    tenant_id: str
    role: Role
    clearance: SecurityLevel
    password_hash: str = field(repr=False)
    created_at: float
    disabled: bool = False
    auth_version: int = 1
    totp_secret: bytes | None = field(default=None, repr=False)
    """Encrypted; None where no second factor was asked for."""
    totp_confirmed: bool = False
    totp_last_step: int = -1
    """The time step of the last code that was accepted: each code counts once."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role allows; nothing once the account is disabled."""
        return frozenset() if self.disabled else ROLE_PERMISSIONS[self.role]

    @property
    def is_active_admin(self) -> bool:
        """Whether this account can administer the others of its tenant."""
        return self.role.is_administrator and not self.disabled


@dataclass(frozen=True, slots=True)
class Session:
    """One login, from one place, until logout or expiry; all tokens issued for it are one family."""

    id: str
    user_id: str
    created_at: float
    expires_at: float
    ip_address: str
    user_agent: str
    refresh_id: str = field(repr=False)
    """The only refresh token of the family that still counts."""
    revoked_at: float | None = None

    def is_alive(self, now: float) -> bool:
        """Whether neither logout nor expiry has ended it."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key for machines. Only the digest of its secret is kept."""

    id: str
    user_id: str
    name: str
    permissions: frozenset[Permission]
    secret_digest: bytes = field(repr=False)
    created_at: float
    expires_at: float
    revoked_at: float | None = None

    def is_alive(self, now: float) -> bool:
        """Whether neither revocation nor expiry has ended it."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class AttemptReserved:
    """Whether a login may be tried now; if not, in how many seconds it may."""

    allowed: bool
    failures: int
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Throttle:
    """How attempts are slowed down: from the `limit`th failure on, each is followed by a delay, the first of
    `first_s` seconds and each twice as long as the one before, up to `max_s`. After as long without an attempt
    all failures are forgotten.
    """

    limit: int
    first_s: float
    max_s: float

    def delay_s(self, failures: int) -> float:
        """Seconds for which nothing is tried after that many failures."""
        if failures < self.limit:
            return 0.0
        return min(self.max_s, self.first_s * 2.0 ** min(failures - self.limit, 64))


@dataclass(frozen=True, slots=True)
class EndedCredentials:
    """What a change of an account ends with it: its sessions but one, and its API keys."""

    at: float
    keep_session: str | None = None


class UserRepository(Protocol):
    """Keeps accounts; usernames are unique over all tenants."""

    def add(self, user: User, *, only_if_first: bool = False) -> None:
        """Raises Conflict where the name is taken or, with only_if_first, where any account exists."""

    def get(self, user_id: str) -> User | None: ...

    def by_username(self, username: str) -> User | None: ...

    def listed(self, tenant_id: str | None = None) -> Sequence[User]:
        """All accounts, or those of one tenant, by username."""

    def change(
        self,
        user_id: str,
        edit: Callable[[User], User],
        *,
        keep_an_admin: bool = False,
        end: EndedCredentials | None = None,
    ) -> User:
        """Applies `edit` to the row as it is now, with no other writer in between, and returns what was
        stored. With `end`, sessions and keys end in the same transaction: all of it happens, or nothing.

        Raises NotFound; with keep_an_admin Conflict if the change would leave the tenant without an active
        admin.
        """

    def delete(self, user_id: str) -> bool: ...

    def count(self) -> int: ...


class SessionRepository(Protocol):
    """Keeps logins."""

    def add(self, session: Session) -> None: ...

    def get(self, session_id: str) -> Session | None: ...

    def of_user(self, user_id: str) -> Sequence[Session]: ...

    def rotate(self, session_id: str, *, expected: str, replacement: str, now: float) -> bool:
        """Sets refresh_id, provided it is `expected` and the session is alive; atomically, so one caller
        wins.
        """

    def revoke(self, session_id: str, now: float) -> bool:
        """Whether this call ended it (False: unknown or ended before)."""

    def revoke_all(self, user_id: str, now: float, *, keep: str | None = None) -> int: ...

    def delete_of_user(self, user_id: str) -> int: ...

    def prune(self, before: float) -> int:
        """Forgets sessions that expired before that instant."""


class ApiKeyRepository(Protocol):
    """Keeps API keys."""

    def add(self, key: ApiKey) -> None: ...

    def get(self, key_id: str) -> ApiKey | None: ...

    def of_user(self, user_id: str) -> Sequence[ApiKey]: ...

    def revoke(self, key_id: str, now: float) -> bool: ...

    def revoke_all(self, user_id: str, now: float) -> int: ...

    def delete_of_user(self, user_id: str) -> int: ...


class AttemptRepository(Protocol):
    """Counts attempts by pseudonyms of the name typed and of where it was typed, whether or not such an account
    exists.
    """

    def reserve(self, subject: str, now: float, throttle: Throttle) -> AttemptReserved:
        """Counts one attempt *before* it is checked, atomically: guesses made at once can't outrun the limit.

        Attempts during a delay are refused and not counted, so that they don't make it longer.
        """

    def peek(self, subject: str, now: float) -> AttemptReserved:
        """As reserve, but counts nothing."""

    def clear(self, subject: str) -> None:
        """Forgets the attempts after one that succeeded."""

    def clear_all(self, name: str) -> None:
        """Forgets the attempts of a name from wherever they came: its own, and those whose subject begins with
        `name:`.
        """

    def release(self, subject: str) -> None:
        """Takes back one reserved attempt, which succeeded, and the delay; the others still count."""

    def prune(self, before: float) -> int:
        """Forgets what was last touched before that instant."""


class KnownSourceRepository(Protocol):
    """Remembers, by pseudonyms, from which addresses each account has been logged in to."""

    def remember(self, subject: str, user_id: str, now: float) -> None:
        """Notes a login; does nothing where the account has gone."""

    def is_known(self, subject: str, since: float) -> bool:
        """Whether there was a login after that instant."""

    def prune(self, before: float) -> int:
        """Forgets what was last seen before that instant."""


class OneTimeTokenRepository(Protocol):
    """Keeps digests of tokens that count once."""

    def put(self, purpose: str, digest: bytes, expires_at: float) -> None:
        """Replaces any earlier token of the same purpose."""

    def take(self, purpose: str, digest: bytes, now: float) -> bool:
        """Whether the token was there and alive; it no longer is. Only one of several callers gets True."""


@dataclass(frozen=True, slots=True)
class AccountRepositories:
    """What the account services need, from one store."""

    users: UserRepository
    sessions: SessionRepository
    api_keys: ApiKeyRepository
    attempts: AttemptRepository
    known_sources: KnownSourceRepository
    one_time_tokens: OneTimeTokenRepository


@dataclass(frozen=True, slots=True)
class HeldData:
    """What a store holds about a user, and how many objects are above the clearance of who asks."""

    objects: Sequence[Mapping[str, Any]]
    n_withheld: int = 0


class PersonalDataSource(Protocol):
    """A store that holds data of users (datasets, results, …) and can hand them out and forget them."""

    name: str

    def export_for(self, user_id: str, clearance: SecurityLevel) -> HeldData:
        """What is held about that user and not above the clearance, as JSON values."""

    def erase_for(self, user_id: str) -> int:
        """Deletes it and says how many objects that were. Must be repeatable: a crash may come in between."""
