"""What people do with their own password and second factor; each needs the password again, not only a
session.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field, replace

from pynomaly.domain.accounts import EndedCredentials, User
from pynomaly.domain.audit import Outcome
from pynomaly.domain.encryption import DataCipher
from pynomaly.domain.errors import Conflict, Forbidden, InvalidInput, RateLimited, recorded
from pynomaly.security.foundation import Caller, Foundation
from pynomaly.security.logins import Logins
from pynomaly.security.passwords import PasswordHasher, require_good_password
from pynomaly.security.second_factors import totp_context
from pynomaly.security.totp import matching_step, new_secret, provisioning_uri


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """What an authenticator needs, shown once: the secret as base32, and the same as an address for a QR
    code.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class Credentials:
    """Changes of one's own credentials."""

    def __init__(
        self, foundation: Foundation, logins: Logins, hasher: PasswordHasher, cipher: DataCipher
    ) -> None:
        self._base = foundation
        self._logins = logins
        self._hasher = hasher
        self._cipher = cipher

    def change_password(self, user_id: str, current: str, new: str, *, by: Caller) -> None:
        """Sets a new password; the user's API keys and other sessions end, this one's tokens must be refreshed.

        Raises Forbidden where `current` is wrong (counted as a failed login), InvalidInput for a weak `new`.
        """
        user = self._reproved(user_id, current, by, "password.change")
        require_good_password(new, user.username, self._base.settings)
        if new == current:
            raise InvalidInput("The new password is the old one.")
        password_hash = self._hasher.hash(new)

        def edit(present: User) -> User:
            return replace(present, password_hash=password_hash, auth_version=present.auth_version + 1)

        kept = by.principal.session_id if by.principal else None
        end = EndedCredentials(self._base.clock(), keep_session=kept)
        self._base.accounts.users.change(user_id, edit, end=end)
        self._base.epoch.advance()
        self._base.record("password.change", by, resource=f"user:{user_id}")

    def enable_totp(self, user_id: str, password: str, *, by: Caller) -> TotpEnrolment:
        """Prepares a second factor, which counts from its confirmation on; raises Conflict if there is
        one.
        """
        user = self._reproved(user_id, password, by, "totp.enable")
        if user.totp_confirmed:
            raise Conflict("There is a second factor already; disable it first.")
        secret = new_secret()
        kept = self._cipher.encrypt_data(secret, context=totp_context(user_id))

        def edit(present: User) -> User:
            return replace(present, totp_secret=kept, totp_confirmed=False, totp_last_step=-1)

        self._base.accounts.users.change(user_id, edit)
        self._base.record("totp.enable", by, resource=f"user:{user_id}")
        shown = base64.b32encode(secret).decode().rstrip("=")
        return TotpEnrolment(shown, provisioning_uri(secret, user.username, self._base.settings.issuer))

    def confirm_totp(self, user_id: str, code: str, *, by: Caller) -> None:
        """Makes the second factor count, once its first code is right.

        Raises InvalidInput for a wrong code, which is counted, and RateLimited after too many.
        """
        user = self._base.own(user_id, by, "totp.confirm")
        if user.totp_secret is None or user.totp_confirmed:
            raise Conflict("There is no second factor to confirm.")
        attempts, subject = self._base.accounts.attempts, self._logins.code_subject(user.username)
        attempt = attempts.reserve(subject, self._base.clock(), self._logins.throttle)
        if not attempt.allowed:
            self._base.record("totp.confirm", by, resource=f"user:{user_id}", outcome=Outcome.DENIED)
            raise RateLimited("Too many wrong codes.", retry_after_s=math.ceil(attempt.retry_after_s))
        secret = self._cipher.decrypt_data(user.totp_secret, context=totp_context(user_id))
        step = matching_step(secret, code, self._base.clock(), after=user.totp_last_step)
        if step is None:
            self._base.record("totp.confirm", by, resource=f"user:{user_id}", outcome=Outcome.DENIED)
            raise InvalidInput("The code is not right.")
        confirmed_step = step

        def edit(present: User) -> User:
            if present.totp_secret != user.totp_secret:
                raise Conflict("The second factor was changed meanwhile.")
            return replace(present, totp_confirmed=True, totp_last_step=confirmed_step)

        self._base.accounts.users.change(user_id, edit)
        attempts.clear(subject)
        self._base.record("totp.confirm", by, resource=f"user:{user_id}")

    def disable_totp(self, user_id: str, password: str, code: str, *, by: Caller) -> None:
        """Removes the second factor; needs both factors once more."""
        self._reproved(user_id, password, by, "totp.disable", code)

        def edit(present: User) -> User:
            return replace(present, totp_secret=None, totp_confirmed=False, totp_last_step=-1)

        self._base.accounts.users.change(user_id, edit)
        self._base.record("totp.disable", by, resource=f"user:{user_id}")

    def _reproved(
        self, user_id: str, password: str, by: Caller, action: str, code: str | None = None
    ) -> User:
        """The account, after its password was given again; wrong ones count towards the lock-out."""
        user = self._base.own(user_id, by, action)
        proved = self._logins.proved(
            user.username, password, by, action=action, totp_code=code, asks_code=code is not None
        )
        if proved is None:
            raise recorded(Forbidden("The password is not right, or too many wrong ones were tried."))
        return proved
