"""Logging in: the one place where a password is checked, counted before it is, and answered the same for any
name.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, replace

from pynomaly.domain.accounts import AttemptReserved, Session, Throttle, User
from pynomaly.domain.audit import Outcome
from pynomaly.domain.encryption import DataCipher
from pynomaly.security.devices import Devices
from pynomaly.security.foundation import DEFAULT_TENANT, Caller, Foundation, normalised
from pynomaly.security.legible import legible
from pynomaly.security.passwords import PasswordHasher
from pynomaly.security.second_factors import totp_context
from pynomaly.security.totp import matching_step

KNOWN_FOR_S = 90 * 86_400
"""How long an address from which someone logged in is known."""
_NOTED_EVERY_S = 86_400
_MANY = 10
"""How many sources' worth of failures slow down all sources that are not known: guesses from a botnet."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where an attempt comes from: what it is counted under, and whether the account has logged in from there."""

    name: str
    source: str
    counted_under: str
    is_known: bool


class Logins:
    """Checks passwords and codes, and opens sessions.

    Failures are counted by name *and* source, so that whoever guesses slows down himself, and nobody can lock
    somebody else out: the source is the address or, for a device that shows the token of its last login, the
    device (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). Many failures from many sources slow
    down every source from which the account was not logged in to before.
    """

    def __init__(self, foundation: Foundation, hasher: PasswordHasher, cipher: DataCipher) -> None:
        self._base = foundation
        settings = foundation.settings
        first_s = min(settings.lockout_first_s, settings.lockout_s)
        self.throttle = Throttle(settings.lockout_failures, first_s, settings.lockout_s)
        self._throttle_all = Throttle(settings.lockout_failures * _MANY, first_s, settings.lockout_s)
        self._devices = Devices(settings, foundation.clock)
        self._hasher = hasher
        self._cipher = cipher

    def authenticate(
        self,
        username: str,
        password: str,
        caller: Caller,
        totp_code: str | None = None,
        device_token: str | None = None,
    ) -> Session | None:
        """A new session, or None: wrong name, password or code, disabled or locked are all the same
        answer.
        """
        user = self.proved(
            username, password, caller, action="login", totp_code=totp_code, device_token=device_token
        )
        return None if user is None else self._opened(user, caller)

    def retry_after_s(self, username: str, caller: Caller, device_token: str | None = None) -> int | None:
        """Whole seconds until this name may be tried again from there, None if it may now; the same whether or
        not it exists.
        """
        user = self._base.accounts.users.by_username(normalised(username))
        origin = self._origin(username, user, caller, device_token)
        subjects = [origin.counted_under] if origin.is_known else [origin.counted_under, origin.name]
        attempts, now = self._base.accounts.attempts, self._base.clock()
        waits = [attempts.peek(subject, now) for subject in subjects]
        return max((math.ceil(wait.retry_after_s) for wait in waits if not wait.allowed), default=None)

    def device_token(self, user_id: str) -> str:
        """A token for the device of a login that has just succeeded."""
        return self._devices.issue(user_id)

    def code_subject(self, username: str) -> str:
        """Under what wrong codes at the confirmation of a second factor are counted."""
        return f"{self._base.name_pseudonym(username)}:code"

    def proved(
        self,
        username: str,
        password: str,
        caller: Caller,
        *,
        action: str,
        totp_code: str | None = None,
        asks_code: bool = True,
        device_token: str | None = None,
    ) -> User | None:
        """The account, provided that password and second factor are right; all else is counted and gives
        None.

        An attempt is counted before the password is looked at, so guesses sent all at once get no more tries
        than guesses sent one by one.
        """
        user = self._base.accounts.users.by_username(normalised(username))
        origin = self._origin(username, user, caller, device_token)
        attempt = self._reserved(origin)
        if not attempt.allowed:
            self._record_refusal(action, user, origin.name, caller, "locked")
            return None
        code = (totp_code or "") if asks_code else None
        if user is None or not self._is_right(user, password, code):
            if user is None:
                self._hasher.verify(None, password)  # as long as a wrong password takes
            is_last = attempt.failures >= self.throttle.limit
            reason = "lockout" if is_last else "bad-credentials"
            self._record_refusal(action, user, origin.name, caller, reason)
            return None
        self._succeeded(user, origin)
        return self._rehashed(user, password)

    def _origin(self, username: str, user: User | None, caller: Caller, device_token: str | None) -> _Origin:
        base = self._base
        name = base.name_pseudonym(username)
        source = f"{name}:{base.source_pseudonym(caller.ip_address)}"
        device = self._devices.recognised(device_token, user.id) if user and device_token else None
        if device is not None:
            return _Origin(name, source, f"{name}:{device}", is_known=True)
        is_known = base.accounts.known_sources.is_known(source, base.clock() - KNOWN_FOR_S)
        return _Origin(name, source, source, is_known)

    def _reserved(self, origin: _Origin) -> AttemptReserved:
        attempts, now = self._base.accounts.attempts, self._base.clock()
        attempt = attempts.reserve(origin.counted_under, now, self.throttle)
        if not attempt.allowed or origin.is_known:
            return attempt
        of_all = attempts.reserve(origin.name, now, self._throttle_all)
        return attempt if of_all.allowed else of_all

    def _succeeded(self, user: User, origin: _Origin) -> None:
        accounts = self._base.accounts
        accounts.attempts.clear(origin.counted_under)
        if not origin.is_known:
            accounts.attempts.release(origin.name)
        now = self._base.clock()
        if not accounts.known_sources.is_known(origin.source, now - _NOTED_EVERY_S):
            accounts.known_sources.remember(origin.source, user.id, now)

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

    def _opened(self, user: User, caller: Caller) -> Session | None:
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
        if not self._base.is_unchanged(user):  # closed, or given a new password, since it was checked
            self._base.accounts.sessions.revoke(session.id, now)
            return None
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
