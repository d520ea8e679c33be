"""What every account service stands on: the repositories, the audit, the settings, the clock, and who is
asking.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pynomaly.domain.accounts import AccountRepositories, User
from pynomaly.domain.audit import AuditLog, Detail, Outcome
from pynomaly.domain.errors import Conflict, Forbidden, InvalidInput, NotFound, recorded
from pynomaly.domain.permissions import ROLE_PERMISSIONS, Permission, Principal, Role, SecurityLevel
from pynomaly.security.client_address import limit_key
from pynomaly.security.epoch import Epoch
from pynomaly.security.settings import SecuritySettings

Clock = Callable[[], float]
"""Gives the present instant in seconds since 1970 (UTC)."""

DEFAULT_TENANT = "default"
"""Whose log takes what can't be told to any tenant, as a login with an unknown name."""

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where. Without a principal it is the system itself: its start, its command line."""

    principal: Principal | None
    ip_address: str = ""
    user_agent: str = ""

    @property
    def actor(self) -> str:
        """The id that goes into the audit."""
        return self.principal.user_id if self.principal else "system"

    @property
    def tenant_id(self) -> str:
        """The tenant whose audit this belongs to."""
        return self.principal.tenant_id if self.principal else DEFAULT_TENANT


SYSTEM = Caller(principal=None)


@dataclass(frozen=True, slots=True)
class Foundation:
    """Shared by the account services."""

    accounts: AccountRepositories
    audit: AuditLog
    settings: SecuritySettings
    clock: Clock
    epoch: Epoch

    def record(
        self,
        action: str,
        by: Caller,
        *,
        resource: str = "",
        outcome: Outcome = Outcome.SUCCESS,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Writes one audit event about an act of `by`."""
        self.audit.log_event(
            actor=by.actor,
            action=action,
            outcome=outcome,
            resource=resource,
            tenant_id=by.tenant_id,
            ip_address=by.ip_address,
            user_agent=by.user_agent,
            details=details,
        )

    def refuse(self, action: str, by: Caller, *, resource: str, reason: str) -> Forbidden:
        """Writes the refusal down and gives the error to raise."""
        self.record(action, by, resource=resource, outcome=Outcome.DENIED, details={"reason": reason})
        return recorded(Forbidden("You may not do that.", hint=reason))

    def conflict(self, action: str, by: Caller, resource: str, refusal: Conflict) -> Conflict:
        """Writes down that a rule stood in the way and gives the error to raise."""
        self.record(action, by, resource=resource, outcome=Outcome.DENIED, details={"reason": refusal.detail})
        return refusal

    def administered(self, user_id: str, by: Caller, action: str) -> User:
        """The account that an admin wants to change.

        Raises NotFound for an account that is absent or another tenant's, Forbidden without a login, without
        `users:write`, or where the account may do or see what the caller may not: who could set its password
        would take it over.
        """
        self.require_login(by, action, resource=f"user:{user_id}")
        user = self.seen(user_id, by, action, Permission.USERS_WRITE)
        self.require_no_more(user.role, user.clearance, by, action, resource=f"user:{user_id}")
        return user

    def require_login(self, by: Caller, action: str, *, resource: str) -> None:
        """Raises Forbidden for an API key: credentials and accounts are managed by people who logged in."""
        if by.principal and by.principal.session_id is None:
            raise self.refuse(action, by, resource=resource, reason="this needs a login; an API key won't do")

    def seen(self, user_id: str, by: Caller, action: str, permission: Permission) -> User:
        """An account of the caller's tenant; raises Forbidden without the permission, NotFound."""
        if by.principal and permission not in by.principal.permissions:
            raise self.refuse(action, by, resource=f"user:{user_id}", reason=f"{permission} is needed")
        user = self.accounts.users.get(user_id)
        if user is None or (by.principal and by.principal.tenant_id != user.tenant_id):
            raise NotFound("There is no such user.")
        return user

    def require_no_more(
        self, role: Role, clearance: SecurityLevel, by: Caller, action: str, *, resource: str
    ) -> None:
        """Raises Forbidden where role or clearance go beyond the caller's own."""
        reason = excess(role, clearance, by.principal)
        if reason is not None:
            raise self.refuse(action, by, resource=resource, reason=reason)

    def own_or_seen(self, user_id: str, by: Caller, action: str) -> User:
        """The caller's own account or, with `users:read`, one of his tenant; raises Forbidden, NotFound."""
        if by.principal and by.principal.user_id == user_id:
            return self.seen(user_id, SYSTEM, action, Permission.USERS_READ)
        return self.seen(user_id, by, action, Permission.USERS_READ)

    def own(self, user_id: str, by: Caller, action: str) -> User:
        """The account of the caller himself, who must have logged in: an API key can't change credentials.

        Raises Forbidden for anyone else, NotFound where the account is gone.
        """
        principal = by.principal
        if principal and (principal.user_id != user_id or principal.session_id is None):
            raise self.refuse(action, by, resource=f"user:{user_id}", reason="log in as that user")
        user = self.accounts.users.get(user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user

    def is_unchanged(self, user: User) -> bool:
        """Whether the account is still as it was when something was proved of it: open, with the same
        password and role. Asked after a credential was kept, so that none outlives what it was made of.
        """
        present = self.accounts.users.get(user.id)
        return present is not None and not present.disabled and present.auth_version == user.auth_version

    def name_pseudonym(self, username: str) -> str:
        """A name that can be counted and compared but not read: people type passwords into name fields."""
        return self._pseudonym("login-names", normalised(username))[:32]

    def source_pseudonym(self, ip_address: str) -> str:
        """The same of where someone comes from; what one customer can rotate through is one source."""
        return self._pseudonym("login-sources", limit_key(ip_address))[:24]

    def _pseudonym(self, purpose: str, text: str) -> str:
        key = self.settings.derived_keys(purpose)[0].secret
        return hmac.digest(key, text.encode("utf-8", "replace"), hashlib.sha256).hex()


def excess(role: Role, clearance: SecurityLevel, principal: Principal | None) -> str | None:
    """In what role and clearance go beyond the principal's own; None if in nothing, or for the system."""
    if principal is None:
        return None
    if not ROLE_PERMISSIONS[role] <= principal.permissions:
        return f"the role {role} may do more than you"
    if clearance > principal.clearance:
        return f"you are cleared up to {principal.clearance.name} yourself"
    return None


def normalised(username: str) -> str:
    """The one spelling under which an account is kept and found; endless input is cut, so it matches
    nothing.
    """
    return unicodedata.normalize("NFKC", username[:256]).strip().casefold()


def require_good_tenant(tenant_id: str) -> str:
    """The tenant's id as it is; raises InvalidInput for one that a listing or log could get wrong."""
    if not _USERNAME.fullmatch(tenant_id):
        raise InvalidInput("A tenant's id is made like a username, in small letters.")
    return tenant_id


def require_good_username(username: str) -> str:
    """The normalised name; raises InvalidInput for one that could be mistaken for another or breaks a log."""
    name = normalised(username)
    if not _USERNAME.fullmatch(name):
        raise InvalidInput(
            "A username has 1 to 64 characters out of a-z 0-9 . _ @ + - and starts with a letter or digit."
        )
    return name
