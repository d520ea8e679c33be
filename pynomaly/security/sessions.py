"""Sessions and their tokens: issue, verify, rotate, end; ended means ended at the very next request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from pynomaly.domain.accounts import Session, User
from pynomaly.domain.audit import Outcome
from pynomaly.domain.errors import Unauthenticated
from pynomaly.domain.permissions import Principal
from pynomaly.security.foundation import Caller, Foundation
from pynomaly.security.proofs import Proof, ProofCache
from pynomaly.security.tokens import Claims, TokenPair, TokenSigner, TokenUse


class Sessions:
    """The life of a login after the password was right."""

    def __init__(self, foundation: Foundation, proofs: ProofCache) -> None:
        self._base = foundation
        self._proofs = proofs
        self._access = TokenSigner(TokenUse.ACCESS, foundation.settings)
        self._refresh = TokenSigner(TokenUse.REFRESH, foundation.settings)

    def issue(self, session: Session) -> TokenPair:
        """Tokens for a session as it was opened; raises Unauthenticated if it has ended since."""
        now = self._base.clock()
        stored = self._alive(session.id, session.user_id, now)
        return self._signed(session, self._user_of(stored), now)

    def verify(self, token: str) -> Principal:
        """Who sent this access token; raises Unauthenticated.

        The signature is checked once a token; after that a look into the cache tells, as long as no session,
        role or key has changed anywhere on this host (see `epoch`) and for at most `session_cache_s` seconds.
        """
        now = self._base.clock()
        digest = sha256(token.encode("ascii", "replace")).digest()
        return self._proofs.get(digest, now) or self._prove(token, digest, now)

    def refresh(self, token: str, caller: Caller) -> TokenPair:
        """New tokens for a refresh token, which is thereby used up; raises Unauthenticated.

        A refresh token that comes a second time was stolen, now or then: the whole family ends.
        """
        now = self._base.clock()
        claims = self._refresh.read(token, now)
        session = self._alive(claims.session_id, claims.user_id, now)
        user = self._user_of(session)
        renewed = replace(session, refresh_id=secrets.token_urlsafe(24))
        is_ours = self._base.accounts.sessions.rotate(
            session.id, expected=claims.token_id, replacement=renewed.refresh_id, now=now
        )
        if not is_ours:
            self._end_family(session, user, caller, now)
            raise _ended()
        self._record("token.refresh", session, user, caller, Outcome.SUCCESS)
        return self._signed(renewed, user, now)

    def end(self, session_id: str, caller: Caller, *, action: str = "logout") -> bool:
        """Ends one session; False if there was none alive. The caller must own it or administer its
        tenant.
        """
        self._base.require_login(caller, action, resource=f"session:{session_id}")
        session = self._base.accounts.sessions.get(session_id)
        if session is None:
            return False
        if caller.principal and caller.principal.user_id != session.user_id:
            self._base.administered(session.user_id, caller, action)
        is_ended = self._base.accounts.sessions.revoke(session_id, self._base.clock())
        if is_ended:
            self._base.epoch.advance()
            self._base.record(action, caller, resource=f"session:{session_id}")
        return is_ended

    def end_all(self, user_id: str, caller: Caller, *, keep: str | None = None) -> int:
        """Ends all sessions of a user but `keep`; the number ended."""
        self._base.require_login(caller, "session.revoke-all", resource=f"user:{user_id}")
        if caller.principal and caller.principal.user_id != user_id:
            self._base.administered(user_id, caller, "session.revoke-all")
        n_ended = self._base.accounts.sessions.revoke_all(user_id, self._base.clock(), keep=keep)
        self._base.epoch.advance()
        self._base.record(
            "session.revoke-all", caller, resource=f"user:{user_id}", details={"ended": n_ended}
        )
        return n_ended

    def alive(self, user_id: str, caller: Caller) -> Sequence[Session]:
        """The sessions of a user that have not ended, oldest first; raises Forbidden, NotFound."""
        self._base.require_login(caller, "session.list", resource=f"user:{user_id}")
        self._base.own_or_seen(user_id, caller, "session.list")
        now = self._base.clock()
        return [session for session in self._base.accounts.sessions.of_user(user_id) if session.is_alive(now)]

    def _prove(self, token: str, digest: bytes, now: float) -> Principal:
        epoch = (
            self._base.epoch.current()
        )  # before the store is asked: a change in between makes this proof stale
        claims = self._access.read(token, now)
        session = self._alive(claims.session_id, claims.user_id, now)
        user = self._user_of(session)
        if user.auth_version != claims.auth_version:
            raise _ended()
        principal = _principal(user, session)
        self._proofs.put(digest, Proof(principal, epoch, self._valid_until(claims, session, now)))
        return principal

    def _valid_until(self, claims: Claims, session: Session, now: float) -> float:
        return min(claims.expires_at, session.expires_at, now + self._base.settings.session_cache_s)

    def _alive(self, session_id: str, user_id: str, now: float) -> Session:
        session = self._base.accounts.sessions.get(session_id)
        if session is None or session.user_id != user_id or not session.is_alive(now):
            raise _ended()
        return session

    def _user_of(self, session: Session) -> User:
        user = self._base.accounts.users.get(session.user_id)
        if user is None or user.disabled:
            raise _ended()
        return user

    def _signed(self, session: Session, user: User, now: float) -> TokenPair:
        settings = self._base.settings
        left_s = session.expires_at - now
        access_s = min(settings.access_token_s, left_s)
        who = {"user_id": user.id, "session_id": session.id}
        access = self._access.sign(**who, auth_version=user.auth_version, now=now, lifetime_s=access_s)
        refresh = self._refresh.sign(
            **who,
            auth_version=user.auth_version,
            now=now,
            lifetime_s=min(settings.refresh_token_s, left_s),
            token_id=session.refresh_id,
        )
        return TokenPair(access, refresh, "bearer", int(access_s))

    def _end_family(self, session: Session, user: User, caller: Caller, now: float) -> None:
        self._base.accounts.sessions.revoke(session.id, now)
        self._base.epoch.advance()
        self._record("token.reuse", session, user, caller, Outcome.DENIED)

    def _record(self, action: str, session: Session, user: User, caller: Caller, outcome: Outcome) -> None:
        self._base.audit.log_event(
            actor=user.id,
            action=action,
            outcome=outcome,
            resource=f"session:{session.id}",
            tenant_id=user.tenant_id,
            ip_address=caller.ip_address,
            user_agent=caller.user_agent,
        )


def _principal(user: User, session: Session) -> Principal:
    return Principal(
        user_id=user.id,
        username=user.username,
        tenant_id=user.tenant_id,
        role=user.role,
        permissions=user.permissions,
        clearance=user.clearance,
        session_id=session.id,
    )


def _ended() -> Unauthenticated:
    return Unauthenticated("The token is not valid.", hint="Log in again.")
