"""The one face that routes and integrators use for identity; each verb is done by the part that knows how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pynomaly.domain.accounts import AccountRepositories, ApiKey, Session, User
from pynomaly.domain.audit import AuditLog
from pynomaly.domain.encryption import DataCipher
from pynomaly.domain.permissions import Principal, Role, SecurityLevel
from pynomaly.security.administration import AccountChange, Administration
from pynomaly.security.api_keys import ApiKeys, NewApiKey
from pynomaly.security.credentials import Credentials, TotpEnrolment
from pynomaly.security.epoch import Epoch
from pynomaly.security.foundation import DEFAULT_TENANT, Caller, Clock, Foundation
from pynomaly.security.logins import KNOWN_FOR_S, Logins
from pynomaly.security.passwords import PasswordHasher
from pynomaly.security.proofs import ProofCache
from pynomaly.security.sessions import Sessions
from pynomaly.security.settings import SecuritySettings
from pynomaly.security.tokens import TokenPair


class AuthService:
    """Logins, sessions, tokens, API keys and accounts.

    `by` says who asks: `Caller(principal, ip_address, user_agent)`; `SYSTEM` is start and command line, which
    may do anything. What a caller may not do raises Forbidden, what he may not know of raises NotFound.
    Methods that take a password take about 20 ms of a core: call them off the event loop.
    """

    def __init__(
        self,
        accounts: AccountRepositories,
        audit: AuditLog,
        cipher: DataCipher,
        settings: SecuritySettings,
        clock: Clock,
        epoch: Epoch,
    ) -> None:
        base = Foundation(accounts, audit, settings, clock, epoch)
        hasher = PasswordHasher(settings.password_cost)
        proofs = ProofCache(epoch, settings.session_cache_size)
        self._base = base
        self._logins = Logins(base, hasher, cipher)
        self._sessions = Sessions(base, proofs)
        self._api_keys = ApiKeys(base, proofs)
        self._accounts = Administration(base, hasher)
        self._credentials = Credentials(base, self._logins, hasher, cipher)

    # -- logging in -------------------------------------------------------------------------------------------

    def authenticate_user(
        self,
        username: str,
        password: str,
        ip_address: str,
        user_agent: str,
        totp_code: str | None = None,
        device_token: str | None = None,
    ) -> Session | None:
        """A new session, or None for whatever reason; every refusal takes as long and says as little."""
        caller = Caller(None, ip_address, user_agent)
        return self._logins.authenticate(username, password, caller, totp_code, device_token)

    def login_retry_after_s(
        self, username: str, ip_address: str, device_token: str | None = None
    ) -> int | None:
        """Whole seconds until this name may be tried again from there, None if now; tells nothing about
        whether it exists.
        """
        return self._logins.retry_after_s(username, Caller(None, ip_address), device_token)

    def device_token(self, session: Session) -> str:
        """What the device of a session shows at its next logins, so that guesses of others don't keep it out."""
        return self._logins.device_token(session.user_id)

    # -- tokens and sessions ----------------------------------------------------------------------------------

    def issue_tokens(self, session: Session) -> TokenPair:
        """The first tokens of a session; raises Unauthenticated if it has ended."""
        return self._sessions.issue(session)

    def verify_access_token(self, token: str) -> Principal:
        """Who sent it; raises Unauthenticated. A few microseconds once the token was seen."""
        return self._sessions.verify(token)

    def refresh(self, refresh_token: str, ip_address: str = "", user_agent: str = "") -> TokenPair:
        """New tokens for a refresh token, which counts once; a second use ends the session.
        Unauthenticated.
        """
        return self._sessions.refresh(refresh_token, Caller(None, ip_address, user_agent))

    def logout(self, session_id: str, *, by: Caller) -> bool:
        """Ends a session; False if none was alive."""
        return self._sessions.end(session_id, by)

    def sessions(self, user_id: str, *, by: Caller) -> Sequence[Session]:
        """Sessions that are alive, oldest first: one's own or, with `users:read`, of one's tenant."""
        return self._sessions.alive(user_id, by)

    def revoke_session(self, session_id: str, *, by: Caller) -> bool:
        """As logout, of a session of one's own or, for admins, of their tenant."""
        return self._sessions.end(session_id, by, action="session.revoke")

    def revoke_sessions(self, user_id: str, *, by: Caller, keep: str | None = None) -> int:
        """Ends all sessions of a user but `keep`; the number ended."""
        return self._sessions.end_all(user_id, by, keep=keep)

    # -- API keys ---------------------------------------------------------------------------------------------

    def create_api_key(
        self,
        user_id: str,
        name: str,
        permissions: Iterable[str],
        expires_at: float | None = None,
        *,
        by: Caller,
    ) -> NewApiKey:
        """A key with some of its owner's permissions; `.secret` is shown this once."""
        return self._api_keys.create(user_id, name, permissions, expires_at, by)

    def verify_api_key(self, secret: str) -> Principal:
        """Whose key it is, with the key's permissions; raises Unauthenticated."""
        return self._api_keys.verify(secret)

    def api_keys(self, user_id: str, *, by: Caller) -> Sequence[ApiKey]:
        """Keys that count, oldest first: one's own or, with `users:read`, of one's tenant."""
        return self._api_keys.of_user(user_id, by)

    def revoke_api_key(self, key_id: str, *, by: Caller) -> None:
        """Ends a key of one's own or, for admins, of their tenant; raises NotFound."""
        self._api_keys.revoke(key_id, by)

    # -- accounts ---------------------------------------------------------------------------------------------

    def create_user(
        self,
        username: str,
        password: str,
        role: Role,
        *,
        by: Caller,
        tenant_id: str = DEFAULT_TENANT,
        clearance: SecurityLevel | None = None,
    ) -> User:
        """A new account in the caller's tenant; raises Forbidden, InvalidInput, Conflict."""
        return self._accounts.create(
            username, password, role, by=by, tenant_id=tenant_id, clearance=clearance
        )

    def bootstrap_admin(self, username: str, password: str) -> User:
        """The first admin; raises Conflict once any account exists."""
        return self._accounts.bootstrap(username, password)

    def has_accounts(self) -> bool:
        """Whether anybody has an account."""
        return self._accounts.has_accounts()

    def issue_bootstrap_token(self) -> str | None:
        """A one-time token to print at the first start, None once any account exists."""
        return self._accounts.issue_bootstrap_token()

    def redeem_bootstrap_token(self, token: str, username: str, password: str, *, by: Caller) -> User:
        """The first admin, for that token; raises Unauthenticated, Conflict, InvalidInput."""
        return self._accounts.redeem_bootstrap_token(token, username, password, by)

    def get_user(self, user_id: str, *, by: Caller) -> User:
        """One's own account or, with `users:read`, one of one's tenant; raises Forbidden, NotFound."""
        return self._accounts.get(user_id, by)

    def users(self, *, by: Caller) -> Sequence[User]:
        """The accounts of the caller's tenant; raises Forbidden."""
        return self._accounts.listed(by)

    def change_user(self, user_id: str, wanted: AccountChange, *, by: Caller) -> User:
        """Role, clearance, password, open or closed: all that is wanted at once or nothing, in force at once.

        Raises Forbidden, NotFound, InvalidInput, Conflict for the last admin.
        """
        return self._accounts.change(user_id, wanted, by=by)

    def set_role(
        self, user_id: str, role: Role, *, by: Caller, clearance: SecurityLevel | None = None
    ) -> User:
        """Another role, in force at once; raises as change_user does."""
        return self.change_user(user_id, AccountChange(role=role, clearance=clearance), by=by)

    def disable_user(self, user_id: str, *, by: Caller) -> User:
        """Closes an account at once: its sessions and API keys end for good."""
        return self.change_user(user_id, AccountChange(disabled=True), by=by)

    def enable_user(self, user_id: str, *, by: Caller) -> User:
        """Opens a closed account; its old sessions and keys stay ended."""
        return self.change_user(user_id, AccountChange(disabled=False), by=by)

    def reset_password(self, user_id: str, password: str, *, by: Caller) -> None:
        """An admin sets someone's password, as after a theft: all his sessions and keys end."""
        self.change_user(user_id, AccountChange(password=password), by=by)

    def named_user(self, username: str, *, by: Caller) -> User:
        """The account of that name, for who may administer it; raises Forbidden, NotFound."""
        return self._accounts.named(username, by)

    def unlock_user(self, username: str, *, by: Caller) -> None:
        """Ends a lock-out early."""
        self._accounts.unlock(username, by=by)

    # -- one's own credentials --------------------------------------------------------------------------------

    def change_password(self, user_id: str, current: str, new: str, *, by: Caller) -> None:
        """One's own password; the other sessions end. Forbidden for a wrong `current`, InvalidInput for
        `new`.
        """
        self._credentials.change_password(user_id, current, new, by=by)

    def enable_totp(self, user_id: str, password: str, *, by: Caller) -> TotpEnrolment:
        """Prepares a second factor; it counts once confirm_totp has seen a code."""
        return self._credentials.enable_totp(user_id, password, by=by)

    def confirm_totp(self, user_id: str, code: str, *, by: Caller) -> None:
        """Makes it count; raises InvalidInput for a wrong code."""
        self._credentials.confirm_totp(user_id, code, by=by)

    def disable_totp(self, user_id: str, password: str, code: str, *, by: Caller) -> None:
        """Removes it, for both factors."""
        self._credentials.disable_totp(user_id, password, code, by=by)

    # -- housekeeping -----------------------------------------------------------------------------------------

    def prune(self) -> None:
        """Forgets sessions and counted attempts that no longer matter; call it now and then."""
        now = self._base.clock()
        self._base.accounts.sessions.prune(now)
        self._base.accounts.attempts.prune(now - self._base.settings.lockout_s)
        self._base.accounts.known_sources.prune(now - KNOWN_FOR_S)
