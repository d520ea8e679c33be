"""The account and audit repositories in memory: for tests and for services that keep nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import RLock

from pynomaly.domain.accounts import (
    AccountRepositories,
    ApiKey,
    EndedCredentials,
    Session,
    User,
)
from pynomaly.domain.audit import AuditEvent, AuditFilter, ChainHead, Link
from pynomaly.domain.errors import Conflict, NotFound
from pynomaly.security.memory_logins import MemoryAttempts, MemoryKnownSources, MemoryOneTimeTokens


def in_memory_accounts() -> AccountRepositories:
    """Empty repositories that live as long as the process."""
    sessions, api_keys = MemorySessions(), MemoryApiKeys()
    return AccountRepositories(
        users=MemoryUsers(sessions, api_keys),
        sessions=sessions,
        api_keys=api_keys,
        attempts=MemoryAttempts(),
        known_sources=MemoryKnownSources(),
        one_time_tokens=MemoryOneTimeTokens(),
    )


class MemoryUsers:
    """UserRepository."""

    def __init__(self, sessions: MemorySessions, api_keys: MemoryApiKeys) -> None:
        self._sessions = sessions
        self._api_keys = api_keys
        self._rows: dict[str, User] = {}
        self._lock = RLock()

    def add(self, user: User, *, only_if_first: bool = False) -> None:
        with self._lock:
            if only_if_first and self._rows:
                raise Conflict("There are accounts already.")
            if self.by_username(user.username) is not None or user.id in self._rows:
                raise Conflict("That username is taken.")
            self._rows[user.id] = user

    def get(self, user_id: str) -> User | None:
        return self._rows.get(user_id)

    def by_username(self, username: str) -> User | None:
        with self._lock:
            return next((user for user in self._rows.values() if user.username == username), None)

    def listed(self, tenant_id: str | None = None) -> Sequence[User]:
        with self._lock:
            wanted = [user for user in self._rows.values() if tenant_id in (None, user.tenant_id)]
        return sorted(wanted, key=lambda user: user.username)

    def change(
        self,
        user_id: str,
        edit: Callable[[User], User],
        *,
        keep_an_admin: bool = False,
        end: EndedCredentials | None = None,
    ) -> User:
        with self._lock:
            before = self._rows.get(user_id)
            if before is None:
                raise NotFound("There is no such user.")
            after = edit(before)
            if keep_an_admin and before.is_active_admin and not after.is_active_admin:
                others = (user for user in self.listed(before.tenant_id) if user.id != user_id)
                if not any(user.is_active_admin for user in others):
                    raise Conflict("The last active admin must stay one.")
            self._rows[user_id] = after
            if end is not None:
                self._sessions.revoke_all(user_id, end.at, keep=end.keep_session)
                self._api_keys.revoke_all(user_id, end.at)
            return after

    def delete(self, user_id: str) -> bool:
        with self._lock:
            return self._rows.pop(user_id, None) is not None

    def count(self) -> int:
        return len(self._rows)


class MemorySessions:
    """SessionRepository."""

    def __init__(self) -> None:
        self._rows: dict[str, Session] = {}
        self._lock = RLock()

    def add(self, session: Session) -> None:
        with self._lock:
            self._rows[session.id] = session

    def get(self, session_id: str) -> Session | None:
        return self._rows.get(session_id)

    def of_user(self, user_id: str) -> Sequence[Session]:
        with self._lock:
            found = [session for session in self._rows.values() if session.user_id == user_id]
        return sorted(found, key=lambda session: session.created_at)

    def rotate(self, session_id: str, *, expected: str, replacement: str, now: float) -> bool:
        with self._lock:
            session = self._rows.get(session_id)
            if session is None or not session.is_alive(now) or session.refresh_id != expected:
                return False
            self._rows[session_id] = replace(session, refresh_id=replacement)
            return True

    def revoke(self, session_id: str, now: float) -> bool:
        with self._lock:
            session = self._rows.get(session_id)
            if session is None or session.revoked_at is not None:
                return False
            self._rows[session_id] = replace(session, revoked_at=now)
            return True

    def revoke_all(self, user_id: str, now: float, *, keep: str | None = None) -> int:
        with self._lock:
            return sum(
                self.revoke(session.id, now) for session in self.of_user(user_id) if session.id != keep
            )

    def delete_of_user(self, user_id: str) -> int:
        with self._lock:
            doomed = [session.id for session in self.of_user(user_id)]
            for session_id in doomed:
                del self._rows[session_id]
            return len(doomed)

    def prune(self, before: float) -> int:
        with self._lock:
            doomed = [session.id for session in self._rows.values() if session.expires_at < before]
            for session_id in doomed:
                del self._rows[session_id]
            return len(doomed)


class MemoryApiKeys:
    """ApiKeyRepository."""

    def __init__(self) -> None:
        self._rows: dict[str, ApiKey] = {}
        self._lock = RLock()

    def add(self, key: ApiKey) -> None:
        with self._lock:
            self._rows[key.id] = key

    def get(self, key_id: str) -> ApiKey | None:
        return self._rows.get(key_id)

    def of_user(self, user_id: str) -> Sequence[ApiKey]:
        with self._lock:
            found = [key for key in self._rows.values() if key.user_id == user_id]
        return sorted(found, key=lambda key: key.created_at)

    def revoke(self, key_id: str, now: float) -> bool:
        with self._lock:
            key = self._rows.get(key_id)
            if key is None or key.revoked_at is not None:
                return False
            self._rows[key_id] = replace(key, revoked_at=now)
            return True

    def revoke_all(self, user_id: str, now: float) -> int:
        with self._lock:
            return sum(self.revoke(key.id, now) for key in self.of_user(user_id))

    def delete_of_user(self, user_id: str) -> int:
        with self._lock:
            doomed = [key.id for key in self.of_user(user_id)]
            for key_id in doomed:
                del self._rows[key_id]
            return len(doomed)


class MemoryAudit:
    """AuditRepository."""

    def __init__(self) -> None:
        self._events: list[AuditEvent] = []
        self._head = ChainHead(0, "")
        self._lock = RLock()

    def append(self, forge: Callable[[ChainHead], Link]) -> AuditEvent:
        with self._lock:
            link = forge(self._head)
            self._events.append(link.event)
            self._head = link.head
            return link.event

    def head(self) -> ChainHead:
        return self._head

    def find(self, wanted: AuditFilter) -> Sequence[AuditEvent]:
        with self._lock:
            events = list(self._events)
        if wanted.own_numbers:
            own = [event for event in events if event.tenant_id == wanted.tenant_id]
            events = [replace(event, sequence=number) for number, event in enumerate(own, 1)]
        found = [event for event in events if _matches(event, wanted)]
        if wanted.newest_first:
            found.reverse()
        return found[: wanted.limit]

    def count_of(self, tenant_id: str, *, before: int | None = None) -> int:
        with self._lock:
            own = [event for event in self._events if event.tenant_id == tenant_id]
        return sum(before is None or event.sequence < before for event in own)

    def stream(self, *, after: int = 0) -> Iterator[AuditEvent]:
        with self._lock:
            events = [event for event in self._events if event.sequence > after]
        return iter(events)


def _matches(event: AuditEvent, wanted: AuditFilter) -> bool:
    exact = ("actor", "action", "outcome", "resource", "tenant_id")
    if any(getattr(wanted, name) not in (None, getattr(event, name)) for name in exact):
        return False
    if event.sequence <= wanted.after_sequence:
        return False
    return (wanted.since or "") <= event.occurred_at and (
        wanted.until is None or event.occurred_at < wanted.until
    )
