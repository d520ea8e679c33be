"""Accounts: made, changed and closed, each act allowed, written down, and in force at the next request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from pynomaly.domain.accounts import EndedCredentials, User
from pynomaly.domain.errors import Conflict, Forbidden, Unauthenticated, recorded
from pynomaly.domain.permissions import ROLE_CLEARANCES, Permission, Principal, Role, SecurityLevel
from pynomaly.security.foundation import (
    DEFAULT_TENANT,
    SYSTEM,
    Caller,
    Foundation,
    excess,
    require_good_tenant,
    require_good_username,
)
from pynomaly.security.passwords import PasswordHasher, require_good_password

_BOOTSTRAP = "bootstrap-admin"


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What to change of an account; None leaves it as it is."""

    role: Role | None = None
    clearance: SecurityLevel | None = None
    password: str | None = field(default=None, repr=False)
    disabled: bool | None = None
    removes_second_factor: bool = False
    """For somebody who lost it: by the command line of the machine only."""

    @property
    def actions(self) -> Sequence[str]:
        """What the audit calls it, one for each thing that changes; "user.change" where nothing is named."""
        found = []
        if self.role is not None or self.clearance is not None:
            found.append("user.set-role")
        if self.password is not None:
            found.append("user.reset-password")
        if self.removes_second_factor:
            found.append("user.remove-second-factor")
        if self.disabled is not None:
            found.append("user.disable" if self.disabled else "user.enable")
        return found or ["user.change"]

    @property
    def ends_credentials(self) -> bool:
        """Whether sessions and API keys end with it: also on opening, so that none of before come back."""
        return self.password is not None or self.disabled is not None or self.removes_second_factor


class Administration:
    """What admins do with accounts, and how the first admin comes to be."""

    def __init__(self, foundation: Foundation, hasher: PasswordHasher) -> None:
        self._base = foundation
        self._hasher = hasher

    def create(
        self,
        username: str,
        password: str,
        role: Role,
        *,
        by: Caller,
        tenant_id: str = DEFAULT_TENANT,
        clearance: SecurityLevel | None = None,
    ) -> User:
        """A new account in the caller's own tenant (the system may name any).

        Raises Forbidden, InvalidInput for name or password, Conflict where the name is taken.
        """
        principal = by.principal
        self._base.require_login(by, "user.create", resource=f"tenant:{tenant_id}")
        if principal and Permission.USERS_WRITE not in principal.permissions:
            raise self._base.refuse(
                "user.create", by, resource=f"tenant:{tenant_id}", reason="users:write is needed"
            )
        allowed = _clearance(role, clearance, principal)
        self._base.require_no_more(role, allowed, by, "user.create", resource=f"tenant:{tenant_id}")
        user = self._new(username, password, role, principal.tenant_id if principal else tenant_id, allowed)
        self._base.accounts.users.add(user)
        self._base.record("user.create", by, resource=f"user:{user.id}", details={"role": role.value})
        return user

    def bootstrap(self, username: str, password: str) -> User:
        """The first admin; raises Conflict once any account exists."""
        user = self._first(username, password)
        self._base.accounts.users.add(user, only_if_first=True)
        self._base.record("user.bootstrap", SYSTEM, resource=f"user:{user.id}")
        return user

    def has_accounts(self) -> bool:
        """Whether anybody has an account."""
        return self._base.accounts.users.count() > 0

    def issue_bootstrap_token(self) -> str | None:
        """A token that lets whoever sees the first start's output make the first admin, once; None later."""
        if self.has_accounts():
            return None
        token = secrets.token_urlsafe(32)
        expires_at = self._base.clock() + self._base.settings.bootstrap_token_s
        self._base.accounts.one_time_tokens.put(_BOOTSTRAP, sha256(token.encode()).digest(), expires_at)
        return token

    def redeem_bootstrap_token(self, token: str, username: str, password: str, by: Caller) -> User:
        """The first admin; raises Unauthenticated for a token that is wrong, old or used, InvalidInput
        before.
        """
        user = self._first(username, password)
        digest = sha256(token.encode("utf-8", "replace")).digest()
        if not self._base.accounts.one_time_tokens.take(_BOOTSTRAP, digest, self._base.clock()):
            self._base.refuse("user.bootstrap", by, resource="", reason="the token is not valid")
            raise recorded(Unauthenticated("The token is not valid."))
        self._base.accounts.users.add(user, only_if_first=True)
        self._base.record("user.bootstrap", by, resource=f"user:{user.id}")
        return user

    def get(self, user_id: str, by: Caller) -> User:
        """The caller's own account or, with `users:read`, one of his tenant; raises Forbidden or NotFound."""
        return self._base.own_or_seen(user_id, by, "user.read")

    def listed(self, by: Caller) -> Sequence[User]:
        """The accounts of the caller's tenant (the system sees all); raises Forbidden."""
        principal = by.principal
        if principal and Permission.USERS_READ not in principal.permissions:
            raise self._base.refuse("user.list", by, resource="", reason="users:read is needed")
        return self._base.accounts.users.listed(principal.tenant_id if principal else None)

    def change(self, user_id: str, wanted: AccountChange, *, by: Caller) -> User:
        """Changes role, clearance, password and whether the account is open: all of what is wanted, or nothing.

        A new role brings the clearance that goes with it, as far as the caller's own reaches, unless another is
        named. Tokens issued before stop counting at once; with a new password or a closed account its sessions
        and API keys end for good. Raises Forbidden, NotFound, InvalidInput, and Conflict for the last admin.
        """
        action, resource = wanted.actions[0], f"user:{user_id}"
        user = self._base.administered(user_id, by, action)
        if wanted.disabled == user.disabled:
            wanted = replace(wanted, disabled=None)
        if wanted == AccountChange():
            return user
        if wanted.password is not None:
            require_good_password(wanted.password, user.username, self._base.settings)
        password_hash = None if wanted.password is None else self._hasher.hash(wanted.password)
        edit = _Edit(wanted, by.principal, password_hash)
        end = EndedCredentials(self._base.clock()) if wanted.ends_credentials else None
        try:
            changed = self._base.accounts.users.change(user_id, edit, keep_an_admin=True, end=end)
        except Conflict as refusal:
            raise self._base.conflict(action, by, resource, refusal) from None
        except _Excess as refusal:
            raise self._base.refuse(action, by, resource=resource, reason=refusal.reason) from None
        self._base.epoch.advance()
        for done in wanted.actions:
            details = {"role": changed.role.value, "clearance": changed.clearance.name}
            is_grant = done == "user.set-role"
            self._base.record(done, by, resource=resource, details=details if is_grant else None)
        return changed

    def named(self, username: str, by: Caller) -> User:
        """The account of that name, for who may administer it; raises Forbidden or NotFound."""
        user = self._base.accounts.users.by_username(require_good_username(username))
        return self._base.administered(user.id if user else "", by, "user.read")

    def unlock(self, username: str, *, by: Caller) -> None:
        """Ends a lock-out before its time; raises Forbidden or NotFound."""
        user = self._base.accounts.users.by_username(require_good_username(username))
        known = self._base.administered(user.id if user else "", by, "user.unlock")
        self._base.accounts.attempts.clear_all(self._base.name_pseudonym(known.username))
        self._base.record("user.unlock", by, resource=f"user:{known.id}")

    def _new(
        self, username: str, password: str, role: Role, tenant_id: str, clearance: SecurityLevel
    ) -> User:
        name = require_good_username(username)
        require_good_password(password, name, self._base.settings)
        return User(
            id=secrets.token_hex(16),
            username=name,
            tenant_id=require_good_tenant(tenant_id),
            role=role,
            clearance=clearance,
            password_hash=self._hasher.hash(password),
            created_at=self._base.clock(),
        )

    def _first(self, username: str, password: str) -> User:
        """Who runs the service: its operator, who administers the first tenant too."""
        clearance = ROLE_CLEARANCES[Role.OPERATOR]
        return self._new(username, password, Role.OPERATOR, DEFAULT_TENANT, clearance)


class _Excess(Exception):
    """Raised inside a change, where nothing else can be written: what is wanted goes beyond the caller's own."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Edit:
    """What a change does to the row as it is now; raises _Excess, Forbidden."""

    wanted: AccountChange
    principal: Principal | None
    password_hash: str | None = field(repr=False)

    def __call__(self, user: User) -> User:
        self._require_no_more(user.role, user.clearance)  # it may have become more since it was looked at
        wanted = self.wanted
        changed = replace(user, auth_version=user.auth_version + 1)
        if wanted.role is not None or wanted.clearance is not None:
            role = wanted.role or user.role
            changed = replace(
                changed, role=role, clearance=_clearance(role, wanted.clearance, self.principal)
            )
            self._require_no_more(changed.role, changed.clearance)
        if self.password_hash is not None:
            changed = replace(changed, password_hash=self.password_hash)
        if wanted.removes_second_factor:
            changed = replace(changed, totp_secret=None, totp_confirmed=False, totp_last_step=-1)
        if wanted.disabled is not None:
            changed = replace(changed, disabled=wanted.disabled)
        return changed

    def _require_no_more(self, role: Role, clearance: SecurityLevel) -> None:
        reason = excess(role, clearance, self.principal)
        if reason is not None:
            raise _Excess(reason)


def _clearance(role: Role, wanted: SecurityLevel | None, by: Principal | None) -> SecurityLevel:
    """The clearance that is named, or the role's own as far as the caller's reaches.

    Raises Forbidden for one above the role's: that would be a way round it.
    """
    highest = ROLE_CLEARANCES[role]
    if wanted is not None and wanted > highest:
        raise Forbidden(f"The role {role} is cleared up to {highest.name}.")
    if wanted is not None:
        return wanted
    return highest if by is None else min(highest, by.clearance)
