"""Logging in: the one place where a password is checked, counted before it is, and answered the same for any
name.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import replace

from pynomaly.domain.accounts import Session, User
from pynomaly.domain.audit import Outcome
from pynomaly.domain.encryption import DataCipher
from pynomaly.security.foundation import DEFAULT_TENANT, Caller, Foundation, normalised
from pynomaly.security.legible import legible
from pynomaly.security.passwords import PasswordHasher
from pynomaly.security.second_factors import totp_context
from pynomaly.security.totp import matching_step


class Logins:
    """Checks passwords and codes, and opens sessions."""

    def __init__(self, foundation: Foundation, hasher: PasswordHasher, cipher: DataCipher) -> None:
        self._base = foundation
        self._hasher = hasher
        self._cipher = cipher

    def authenticate(
        self, username: str, password: str, caller: Caller, totp_code: str | None = None
    ) -> Session | None:
        """A new session, or None: wrong name, password or code, disabled or locked are all the same
        answer.
        """
        user = self.proved(username, password, caller, action="login", totp_code=totp_code)
        return None if user is None else self._opened(user, caller)

    def retry_after_s(self, username: str) -> int | None:
        """Whole seconds until this name may try again, None if it may now; the same whether or not it
        exists.
        """
        subject = self._base.name_pseudonym(username)
        attempt = self._base.accounts.attempts.peek(subject, self._base.clock())
        return None if attempt.allowed else math.ceil(attempt.retry_after_s)

    def proved(
        self,
        username: str,
        password: str,
        caller: Caller,
        *,
        action: str,
        totp_code: str | None = None,
        asks_code: bool = True,
    ) -> User | None:
        """The account, provided that password and second factor are right; all else is counted and gives
        None.

        An attempt is counted before the password is looked at, so guesses sent all at once get no more tries
        than guesses sent one by one.
        """
        base, settings = self._base, self._base.settings
        subject = base.name_pseudonym(username)
        attempt = base.accounts.attempts.reserve(
            subject, base.clock(), limit=settings.lockout_failures, lock_s=settings.lockout_s
        )
        user = base.accounts.users.by_username(normalised(username))
        if not attempt.allowed:
            self._record_refusal(action, user, subject, caller, "locked")
            return None
        code = (totp_code or "") if asks_code else None
        if user is None or not self._is_right(user, password, code):
            if user is None:
                self._hasher.verify(None, password)  # as long as a wrong password takes
            is_last = attempt.failures >= settings.lockout_failures
            self._record_refusal(action, user, subject, caller, "lockout" if is_last else "bad-credentials")
            return None
        base.accounts.attempts.clear(subject)
        return self._rehashed(user, password)

    def _is_right(self, user: User, password: str, code: str | None) -> bool:
        """Whether everything is right; the password is hashed in any case, the code spent only after it."""
        if not self._hasher.verify(user.password_hash, password) or user.disabled:
            return False
        return code is None or not user.totp_confirmed or self._spend_code(user, code)

    def _spend_code(self, user: User, code: str) -> bool:
        """Whether the code is right; if so it is used up, and of two uses at the same moment one succeeds."""
        if user.totp_secret is None:
            return False
        secret = self._cipher.decrypt_data(user.totp_secret, context=totp_context(user.id))
        now, is_spent = self._base.clock(), False

        def spend(present: User) -> User:
            nonlocal is_spent
            step = matching_step(secret, code, now, after=present.totp_last_step)
            is_spent = step is not None
            return present if step is None else replace(present, totp_last_step=step)

        self._base.accounts.users.change(user.id, spend)
        return is_spent

    def _rehashed(self, user: User, password: str) -> User:
        if not self._hasher.is_outdated(user.password_hash):
            return user
        old, new = user.password_hash, self._hasher.hash(password)

        def upgrade(present: User) -> User:
            return replace(present, password_hash=new) if present.password_hash == old else present

        return self._base.accounts.users.change(user.id, upgrade)

    def _opened(self, user: User, caller: Caller) -> Session:
        now = self._base.clock()
        session = Session(
            id=secrets.token_urlsafe(24),
            user_id=user.id,
            created_at=now,
            expires_at=now + self._base.settings.session_s,
            ip_address=legible(caller.ip_address),
            user_agent=legible(caller.user_agent),
            refresh_id=secrets.token_urlsafe(24),
        )
        self._base.accounts.sessions.add(session)
        self._base.audit.log_event(
            actor=user.id,
            action="login",
            resource=f"session:{session.id}",
            tenant_id=user.tenant_id,
            ip_address=caller.ip_address,
            user_agent=caller.user_agent,
        )
        return session

    def _record_refusal(
        self, action: str, user: User | None, subject: str, caller: Caller, reason: str
    ) -> None:
        self._base.audit.log_event(
            actor=user.id if user else "unknown",
            action=action,
            outcome=Outcome.DENIED,
            tenant_id=user.tenant_id if user else DEFAULT_TENANT,
            ip_address=caller.ip_address,
            user_agent=caller.user_agent,
            details={"reason": reason, "name": subject},
        )
