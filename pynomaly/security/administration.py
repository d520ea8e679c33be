"""Accounts: made, changed and closed, each act allowed, written down, and in force at the next request."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

from pynomaly.domain.accounts import User
from pynomaly.domain.errors import Conflict, Forbidden, Unauthenticated
from pynomaly.domain.permissions import ROLE_CLEARANCES, Permission, Role, SecurityLevel
from pynomaly.security.foundation import (
    DEFAULT_TENANT,
    SYSTEM,
    Caller,
    Foundation,
    require_good_tenant,
    require_good_username,
)
from pynomaly.security.passwords import PasswordHasher, require_good_password

_BOOTSTRAP = "bootstrap-admin"


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
        if principal and Permission.USERS_WRITE not in principal.permissions:
            raise self._base.refuse(
                "user.create", by, resource=f"tenant:{tenant_id}", reason="users:write is needed"
            )
        self._base.require_no_more(role, by, "user.create", resource=f"tenant:{tenant_id}")
        user = self._new(username, password, role, principal.tenant_id if principal else tenant_id, clearance)
        self._base.accounts.users.add(user)
        self._base.record("user.create", by, resource=f"user:{user.id}", details={"role": role.value})
        return user

    def bootstrap(self, username: str, password: str) -> User:
        """The first admin; raises Conflict once any account exists."""
        user = self._new(username, password, Role.ADMIN, DEFAULT_TENANT, None)
        self._base.accounts.users.add(user, only_if_first=True)
        self._base.record("user.bootstrap", SYSTEM, resource=f"user:{user.id}")
        return user

    def issue_bootstrap_token(self) -> str | None:
        """A token that lets whoever sees the first start's output make the first admin, once; None later."""
        if self._base.accounts.users.count():
            return None
        token = secrets.token_urlsafe(32)
        expires_at = self._base.clock() + self._base.settings.bootstrap_token_s
        self._base.accounts.one_time_tokens.put(_BOOTSTRAP, sha256(token.encode()).digest(), expires_at)
        return token

    def redeem_bootstrap_token(self, token: str, username: str, password: str, by: Caller) -> User:
        """The first admin; raises Unauthenticated for a token that is wrong, old or used, InvalidInput
        before.
        """
        user = self._new(username, password, Role.ADMIN, DEFAULT_TENANT, None)
        digest = sha256(token.encode("utf-8", "replace")).digest()
        if not self._base.accounts.one_time_tokens.take(_BOOTSTRAP, digest, self._base.clock()):
            self._base.refuse("user.bootstrap", by, resource="", reason="the token is not valid")
            raise Unauthenticated("The token is not valid.")
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

    def set_role(
        self, user_id: str, role: Role, *, by: Caller, clearance: SecurityLevel | None = None
    ) -> User:
        """Gives another role, and the clearance that goes with it unless a lower one is named.

        Tokens issued before stop counting at once; the user's refresh tokens get him new ones with the new
        role.
        """
        allowed = _clearance(role, clearance)
        self._base.require_no_more(role, by, "user.set-role", resource=f"user:{user_id}")

        def edit(user: User) -> User:
            return replace(user, role=role, clearance=allowed, auth_version=user.auth_version + 1)

        return self._change(user_id, "user.set-role", edit, by, {"role": role.value})

    def disable(self, user_id: str, *, by: Caller) -> User:
        """Closes an account: its sessions end, its tokens and keys stop counting at once."""

        def edit(user: User) -> User:
            return replace(user, disabled=True, auth_version=user.auth_version + 1)

        user = self._change(user_id, "user.disable", edit, by)
        self._end_sessions(user_id)
        return user

    def enable(self, user_id: str, *, by: Caller) -> User:
        """Opens it again; earlier sessions stay ended."""
        return self._change(user_id, "user.enable", lambda user: replace(user, disabled=False), by)

    def reset_password(self, user_id: str, password: str, *, by: Caller) -> None:
        """Sets a new password for someone else, as after a theft: all his sessions and API keys end."""
        user = self._base.administered(user_id, by, "user.reset-password")
        require_good_password(password, user.username, self._base.settings)
        password_hash = self._hasher.hash(password)

        def edit(present: User) -> User:
            return replace(present, password_hash=password_hash, auth_version=present.auth_version + 1)

        self._change(user_id, "user.reset-password", edit, by)
        self._base.accounts.api_keys.revoke_all(user_id, self._base.clock())
        self._end_sessions(user_id)

    def unlock(self, username: str, *, by: Caller) -> None:
        """Ends a lock-out before its time; raises Forbidden or NotFound."""
        user = self._base.accounts.users.by_username(require_good_username(username))
        known = self._base.administered(user.id if user else "", by, "user.unlock")
        self._base.accounts.attempts.clear(self._base.name_pseudonym(known.username))
        self._base.record("user.unlock", by, resource=f"user:{known.id}")

    def _change(
        self,
        user_id: str,
        action: str,
        edit: Callable[[User], User],
        by: Caller,
        details: dict[str, str | int | float | bool | None] | None = None,
    ) -> User:
        self._base.administered(user_id, by, action)
        try:
            user = self._base.accounts.users.change(user_id, edit, keep_an_admin=True)
        except Conflict as refusal:
            raise self._base.conflict(action, by, f"user:{user_id}", refusal) from None
        self._base.epoch.advance()
        self._base.record(action, by, resource=f"user:{user_id}", details=details)
        return user

    def _end_sessions(self, user_id: str) -> None:
        self._base.accounts.sessions.revoke_all(user_id, self._base.clock())
        self._base.epoch.advance()

    def _new(
        self, username: str, password: str, role: Role, tenant_id: str, clearance: SecurityLevel | None
    ) -> User:
        name = require_good_username(username)
        require_good_password(password, name, self._base.settings)
        return User(
            id=secrets.token_hex(16),
            username=name,
            tenant_id=require_good_tenant(tenant_id),
            role=role,
            clearance=_clearance(role, clearance),
            password_hash=self._hasher.hash(password),
            created_at=self._base.clock(),
        )


def _clearance(role: Role, wanted: SecurityLevel | None) -> SecurityLevel:
    """The role's own clearance, or a lower one: more than the role's would be a way round it."""
    highest = ROLE_CLEARANCES[role]
    if wanted is not None and wanted > highest:
        raise Forbidden(f"The role {role} is cleared up to {highest.name}.")
    return highest if wanted is None else wanted
